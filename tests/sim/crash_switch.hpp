// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.hpp"

namespace holdfast::sim {

// The daemon died. Not a std::exception, so that nothing catches it by accident.
struct SimulatedCrash {
  std::size_t point = 0;
  std::string where{};
};

// Counts the points at which a daemon can die (around every effect on the host and
// every durable commit) and kills it at the chosen one. One thread.
class CrashSwitch final : public CommitObserver {
 public:
  // Dies at the `nth` point from now, 1 being the next.
  void arm(std::size_t nth) { dies_at_ = passed_ + nth; }
  void disarm() { dies_at_ = 0; }
  // The dead daemon is about to be destroyed: from here its destructors run, which a real
  // death would not have run, so that points only count what they attempt.
  void bury() { is_buried_ = true; }
  // A new daemon takes over from the dead one.
  void revive() {
    is_dead_ = false;
    is_buried_ = false;
    disarm();
  }

  // Throws SimulatedCrash when this is the point to die at, or when somebody swallowed
  // the crash and goes on.
  void point(std::string_view where) {
    if (is_dead_) return live_on(where);
    ++passed_;
    if (is_tracing_) trace_.emplace_back(where);
    if (passed_ != dies_at_) return;
    is_dead_ = true;
    throw SimulatedCrash{passed_, std::string{where}};
  }
  void before_commit() override { point("before commit"); }
  void after_commit() override { point("after commit"); }

  std::size_t passed() const { return passed_; }
  bool is_dead() const { return is_dead_; }
  // Effects attempted by a daemon that was dead already: by a destructor, or by code that
  // caught the crash. Must stay 0.
  std::size_t effects_after_death() const { return after_death_; }

  void trace(bool on) { is_tracing_ = on; }
  const std::vector<std::string>& traced() const { return trace_; }

 private:
  void live_on(std::string_view where) {
    ++after_death_;
    if (!is_buried_ && std::uncaught_exceptions() == 0) {
      throw SimulatedCrash{passed_, "after death: " + std::string{where}};
    }
  }

  std::size_t passed_ = 0;
  std::size_t dies_at_ = 0;
  std::size_t after_death_ = 0;
  bool is_dead_ = false;
  bool is_buried_ = false;
  bool is_tracing_ = false;
  std::vector<std::string> trace_{};
};

}  // namespace holdfast::sim
