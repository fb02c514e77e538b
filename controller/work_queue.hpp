// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "controller/retry.hpp"

namespace holdfast {

// Who asked for a key, most urgent first.
enum class Priority { job, guest_api, drift, resync };

// Keys waiting to be reconciled. Three promises, the whole reason it exists:
//   - a key is never handed to two workers at once;
//   - a key added many times before it is taken is taken once;
//   - a key added while being worked on is taken again afterwards.
// A key added with several priorities keeps the most urgent, and with several delays
// the shortest; within a priority, first come first served. Thread-safe.
class WorkQueue {
 public:
  WorkQueue(const Clock& clock, Random& random) : clock_{clock}, random_{random} {}

  void add(const std::string& key, Priority priority) { add_after(key, Duration{0}, priority); }
  void add_after(const std::string& key, Duration delay, Priority priority);

  // Blocks until a key is ready, or returns nullopt once `stop` is requested.
  std::optional<std::string> take(const std::stop_token& stop);
  // A ready key, or nullopt: for a caller that owns time itself.
  std::optional<std::string> try_take();
  // Must follow every take: until then the key stays with its worker.
  void done(const std::string& key);

  // Adds `key` again after its own backoff, which grows with each call until forget().
  // Until then, or for 30 s, whatever adds it as drift or resync waits, too: a key whose
  // failing work causes the very events that wake it must not run hot. Jobs do not wait.
  void retry(const std::string& key, Retry how);
  void forget(const std::string& key);  // the key did well: its next failure is its first
  void forget_all();                    // what is wanted changed: every key gets a fresh start

  // Until the next delayed key is due; zero when one is ready now; nullopt when empty.
  std::optional<Duration> next_due();
  // Keys waiting, ready or delayed, without those being worked on.
  std::size_t depth();

 private:
  struct Waiting {
    Duration due{};  // on the clock's elapsed()
    Priority priority = Priority::resync;
  };
  struct State {
    std::array<std::deque<std::string>, 4> ready{};       // by priority; all in `dirty`
    std::map<std::string, Priority> dirty{};              // ready, or to be after done()
    std::set<std::string> working{};                      // with a worker now
    std::map<std::string, Waiting> delayed{};             // not in `dirty`
    std::set<std::pair<Duration, std::string>> by_due{};  // index over `delayed`
    struct Failures {
      int count = 0;
      Duration not_before{};  // on the clock's elapsed()
    };
    std::map<std::string, Failures> failures{};
  };

  static void make_ready(State& state, const std::string& key, Priority priority);
  static void drop_delay(State& state, const std::string& key);
  static std::optional<std::string> pop(State& state);
  void promote_due(State& state) const;

  const Clock& clock_;
  Random& random_;
  Guarded<State> state_{};
};

}  // namespace holdfast
