// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "hub/records.hpp"

// The dead man, decided: pure functions of values. Times are the watch's own, monotonic.
namespace holdfast::hub {

struct LeaseLimits {
  Duration late{30'000};
  Duration dead{90'000};
  Duration stalled{180'000};       // age of the last finished pass, as the host says it
  Duration between_beats{11'000};  // at most, of a host whose heartbeats arrive
};

struct Lease {
  Duration heard{};     // when the last heartbeat came, or the host was enrolled
  Duration pass_age{};  // what it said
  Standing standing{};  // what was last said of the host
};

enum class Signal { late, dead, stalled, recovered };
std::string_view alert_of(Signal signal);  // "HostLate", ...

struct Judgement {
  Standing standing{};
  std::vector<Signal> signals{};  // in the order they are raised
};

// What is to be said at `now`. `watched` is since when the hub has been watching without a
// gap: before that it could hear nobody, so that every host has a whole period from then.
// A host is stalled, while it is not late, by what a heartbeat said, or when the next one could
// have said so and did not come: between two heartbeats nobody knows whether a pass finished.
Judgement judge(const Lease& lease, Duration now, Duration watched, const LeaseLimits& limits);

// Whether the time between two looks is so long that the hub itself was away: stopped,
// suspended or starved. Far less than it takes to call a host late.
bool was_away(Duration last_look, Duration now, const LeaseLimits& limits);

}  // namespace holdfast::hub
