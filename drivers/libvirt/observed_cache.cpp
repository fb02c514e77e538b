// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/observed_cache.hpp"

#include <algorithm>
#include <unordered_set>

namespace holdfast::libvirt {
namespace {

using host::ObservedGuest;
using host::ObservedGuestPtr;

bool same_content(const ObservedGuest& a, const ObservedGuest& b) {
  return a.uuid == b.uuid && a.name == b.name && a.marker == b.marker && a.power == b.power &&
         a.configured == b.configured && a.live == b.live && a.problem == b.problem;
}

// The turns of guests read at the same time are spread over the last third of the span.
Duration turn_after(const Uuid& uuid) {
  const Duration span = ObservedCache::reread_within;
  return span * 2 / 3 + (span / 3) * uuid.bytes().back() / 256;
}

bool looks_the_same(const Sighting& a, const Sighting& b) {
  return a.state == b.state && a.reason == b.reason && a.name == b.name;
}

// With a pass a minute all come round in time, and no pass reads many.
std::size_t turns_in_a_pass(std::size_t guests) { return 2 + guests / 4; }

}  // namespace

void ObservedCache::mark(const Uuid& uuid) {
  const std::lock_guard lock{mutex_};
  entries_[uuid].marked = ++clock_;
}

void ObservedCache::mark_all() {
  const std::lock_guard lock{mutex_};
  all_marked_ = ++clock_;
}

std::uint64_t ObservedCache::ticket() const {
  const std::lock_guard lock{mutex_};
  return clock_;
}

bool ObservedCache::is_fresh(const Entry& entry, const Sighting& seen) const {
  return entry.guest && entry.seen == seen && entry.marked <= entry.read &&
         all_marked_ <= entry.read;
}

std::optional<host::Inventory> ObservedCache::unchanged(const std::vector<Sighting>& seen,
                                                        Duration now) const {
  const std::lock_guard lock{mutex_};
  if (!listing_ || listing_->ticket != clock_ || now >= listing_->next_turn) return std::nullopt;
  if (!std::equal(seen.begin(), seen.end(), listing_->seen.begin(), listing_->seen.end(),
                  looks_the_same))
    return std::nullopt;
  return listing_->inventory;
}

void ObservedCache::keep_listing(std::vector<Sighting> seen, const host::Inventory& inventory,
                                 std::uint64_t ticket) {
  const std::lock_guard lock{mutex_};
  listing_.reset();
  if (inventory.guests.size() != seen.size()) return;  // one went away since it was listed
  Duration next_turn = Duration::max();
  for (const Sighting& sighting : seen) {
    const auto entry = entries_.find(sighting.uuid);
    // One that could not be read is tried again by the next listing.
    if (entry == entries_.end() || !is_fresh(entry->second, sighting)) return;
    next_turn = std::min(next_turn, entry->second.read_at + turn_after(sighting.uuid));
  }
  listing_ = Listing{std::move(seen), inventory, ticket, next_turn};
}

void ObservedCache::recognise(std::vector<Sighting>& seen) const {
  const std::lock_guard lock{mutex_};
  for (Sighting& sighting : seen) {
    const auto name = names_.find(sighting.name);
    if (name == names_.end()) continue;
    const auto entry = entries_.find(name->second);
    if (entry == entries_.end()) continue;
    sighting.uuid = name->second;
    if (!is_fresh(entry->second, sighting)) sighting.uuid = Uuid{};
  }
}

std::vector<ObservedGuestPtr> ObservedCache::reusable(const std::vector<Sighting>& seen,
                                                      Duration now) {
  const std::lock_guard lock{mutex_};
  std::vector<ObservedGuestPtr> guests;
  guests.reserve(seen.size());
  std::size_t turns = turns_in_a_pass(seen.size());
  for (const Sighting& sighting : seen) {
    const auto found = entries_.find(sighting.uuid);
    if (found == entries_.end() || !is_fresh(found->second, sighting)) {
      guests.emplace_back();
      continue;
    }
    const Entry& entry = found->second;
    const bool due = now - entry.read_at >= turn_after(sighting.uuid);
    if (due && turns > 0) {
      --turns;
      guests.emplace_back();
    } else {
      guests.push_back(entry.guest);
    }
  }
  return guests;
}

ObservedGuestPtr ObservedCache::keep(const Sighting& seen, ObservedGuestPtr guest,
                                     std::uint64_t ticket, Duration now) {
  const std::lock_guard lock{mutex_};
  Entry& entry = entries_[seen.uuid];
  if (entry.guest && entry.read > ticket) return guest;  // a later reading is here already
  if (entry.seen.name != seen.name) names_.erase(entry.seen.name);
  names_[seen.name] = seen.uuid;
  if (!entry.guest || !same_content(*entry.guest, *guest)) {
    entry.guest = std::move(guest);
    listing_.reset();
  }
  entry.seen = seen;
  entry.read = ticket;
  entry.read_at = now;
  return entry.guest;
}

ObservedGuestPtr ObservedCache::last(const Uuid& uuid) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(uuid);
  return found == entries_.end() ? nullptr : found->second.guest;
}

void ObservedCache::retain(const std::vector<Sighting>& seen, std::uint64_t ticket) {
  const std::lock_guard lock{mutex_};
  if (entries_.size() == seen.size()) return;  // each of `seen` has an entry by now
  std::unordered_set<Uuid> present;
  for (const Sighting& sighting : seen) present.insert(sighting.uuid);
  std::erase_if(entries_, [&](const auto& item) {
    return !present.contains(item.first) && item.second.read <= ticket &&
           item.second.marked <= ticket;
  });
  std::erase_if(names_, [&](const auto& item) { return !entries_.contains(item.second); });
}

void ObservedCache::forget(const Uuid& uuid) {
  const std::lock_guard lock{mutex_};
  const auto entry = entries_.find(uuid);
  if (entry == entries_.end()) return;
  names_.erase(entry->second.seen.name);
  entries_.erase(entry);
  listing_.reset();
}

}  // namespace holdfast::libvirt
