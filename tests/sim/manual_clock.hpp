// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.hpp"

namespace holdfast::sim {

// Time that stands still until a test moves it. Reading is thread-safe; moving is for
// one thread, which also runs the listener.
class ManualClock final : public Clock {
 public:
  ManualClock() = default;
  explicit ManualClock(Time start) : start_{start} {}

  Time now() const override { return start_ + Duration{wall_.load()}; }
  Duration elapsed() const override { return Duration{elapsed_.load()}; }

  void advance(Duration by) {
    elapsed_ += by.count();
    wall_ += by.count();
    if (moved_) moved_();
  }
  // The wall clock is set by somebody; monotonic time goes on as before.
  void jump_wall(Duration by) { wall_ += by.count(); }

  // Called after each advance(); the simulated host hangs its timers here.
  void on_advance(std::function<void()> moved) { moved_ = std::move(moved); }

 private:
  Time start_{std::chrono::seconds{1'800'000'000}};
  std::atomic<std::int64_t> wall_{0};
  std::atomic<std::int64_t> elapsed_{0};
  std::function<void()> moved_{};
};

}  // namespace holdfast::sim
