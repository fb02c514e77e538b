// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"
#include "journal/records.hpp"
#include "reconcilers/guest/guest_identity.hpp"

// How long what a signed job took away can still be had back.
namespace holdfast {

// How long a destroyed guest's disks are kept for `holdfast undelete`, and one that was set aside.
inline constexpr Duration tombstone_keep = std::chrono::hours{24 * 7};

// What the wall clock said, which people read, and Journal::witnessed(), by which days are counted.
struct Moment {
  Time wall{};
  Duration witnessed{};
};

// Nothing while it is no tombstone.
inline std::optional<Moment> destroyed_at(const Provenance& row) {
  if (!row.tombstoned_at) return std::nullopt;
  return Moment{*row.tombstoned_at, row.tombstoned_witnessed};
}

inline Moment set_aside_at(const SetAside& aside) { return {aside.since, aside.witnessed}; }

// What is left of tombstone_keep; zero or less when it is over.
inline Duration left_to_keep(const Moment& since, const Moment& now) {
  return tombstone_keep - (now.witnessed - since.witnessed);
}

// How much further the wall clock has gone since then than was witnessed, to the hour: the daemon
// did not run, or the clock was set. Negative when it was set back.
inline Duration unwitnessed(const Moment& since, const Moment& now) {
  const Duration difference = (now.wall - since.wall) - (now.witnessed - since.witnessed);
  return std::chrono::round<std::chrono::hours>(difference);
}

// By the wall clock as it is set now, and if the daemon goes on running.
inline Time kept_until(const Moment& since, const Moment& now) {
  return since.wall + tombstone_keep + unwitnessed(since, now);
}

}  // namespace holdfast
