// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.hpp"
#include "host/observed.hpp"

// Replay protection that lives in the guest itself: a marker names the signed jobs that
// acted on the guest until they expire. An older copy of the journal forgets that it has
// carried one out; the guest does not. Pure.
namespace holdfast {

// A marker is read whole with every observation, so the list stays short. Full, the guest
// takes no further order until one of them has expired.
inline constexpr std::size_t most_executed_jobs = 32;

bool was_executed(const host::Marker& marker, const std::string& job);
bool has_room_for_job(const host::Marker& marker, Time now);
// `marker` with `job` as the last and what has expired dropped. The same twice is once.
host::Marker with_job(host::Marker marker, const host::ExecutedJob& job, Time now);

}  // namespace holdfast
