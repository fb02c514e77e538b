// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/guarded.hpp"
#include "hubclient/hub_clock.hpp"

namespace holdfast {

// How it stands with the hub, as the loops see it.
struct HubStanding {
  Duration started{};                       // monotonic, as all durations here
  std::optional<Time> last_sync{};          // the last valid answer
  std::optional<Time> last_beat{};          // the last heartbeat that was taken
  std::optional<Duration> last_answered{};  // the last valid answer of either kind
  std::optional<Duration> skew{};           // hub's clock minus ours, at the last answer
  std::string error{};                      // why the last try failed; empty when it did not
  std::string clock_problem{};
  std::uint64_t syncs = 0;  // valid answers
  std::uint64_t sync_failures = 0;
  std::uint64_t beats = 0;
  std::uint64_t beat_failures = 0;
};

// Where the loops note it. Thread-safe.
class HubBoard {
 public:
  explicit HubBoard(const Clock& clock);

  void synced(Time server_time);
  void sync_failed(const Error& error);
  void beaten(Time server_time);
  void beat_failed(const Error& error);
  HubStanding standing() const;

 private:
  struct State {
    HubStanding standing{};
    HubClock clock{};
  };
  void answered(State& state, Time server_time) const;

  const Clock& clock_;
  mutable Guarded<State> state_{};
};

// Judged by whoever keeps conditions. Pure.
struct HubJudgement {
  bool is_answering = true;
  bool is_fresh = true;
  std::string answering_message{};
  std::string fresh_message{};
};
// `last_contact`: the last valid answer that an earlier life of the daemon remembers.
HubJudgement judge_hub(const HubStanding& standing, const std::string& url,
                       const std::optional<Time>& last_contact, Time now, Duration elapsed);

}  // namespace holdfast
