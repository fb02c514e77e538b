// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "host/observed.hpp"

namespace holdfast::libvirt {

// What the bulk call says of one domain.
struct Sighting {
  Uuid uuid{};
  std::string name{};
  int state = 0;   // virDomainState
  int reason = 0;  // as libvirt numbers it for that state
  bool operator==(const Sighting&) const = default;
};

// The guests as last read, and which of them must be read again: those that are new,
// that an event or our own change named, whose state or name differs, and a few whose
// turn it is. Knows nothing of libvirt. Thread-safe.
class ObservedCache {
 public:
  // All guests are read again within about this time, whatever the events say.
  static constexpr Duration reread_within = std::chrono::minutes{10};

  void mark(const Uuid& uuid);
  void mark_all();

  // Taken before a guest is read, so that a mark set meanwhile is not lost.
  std::uint64_t ticket() const;

  // The complete listing before this one, when both saw the same domains in the same order
  // and none of them must be read: what nearly every pass gets, at the price of comparing.
  // The sightings need no UUIDs. `now` is monotonic.
  std::optional<host::Inventory> unchanged(const std::vector<Sighting>& seen, Duration now) const;

  // Keeps a complete listing begun at `ticket` for unchanged().
  void keep_listing(std::vector<Sighting> seen, const host::Inventory& inventory,
                    std::uint64_t ticket);

  // Fills in the UUIDs of sightings that look exactly as a guest that needs no reading did:
  // asking libvirt for the UUID of a domain costs more than all else about it. The others
  // stay nil. A domain that took over a name without an event is told by the next reading.
  void recognise(std::vector<Sighting>& seen) const;

  // For each sighting the guest to hand out, or null where it must be read. `now` is
  // monotonic.
  std::vector<host::ObservedGuestPtr> reusable(const std::vector<Sighting>& seen, Duration now);

  // Keeps what was read after `ticket` was taken, and returns what to hand out: the object
  // already handed out when nothing is different.
  host::ObservedGuestPtr keep(const Sighting& seen, host::ObservedGuestPtr guest,
                              std::uint64_t ticket, Duration now);

  // The last good reading, to stand in where a new one failed.
  host::ObservedGuestPtr last(const Uuid& uuid) const;

  // Forgets what a complete listing begun at `ticket` did not hold.
  void retain(const std::vector<Sighting>& seen, std::uint64_t ticket);
  void forget(const Uuid& uuid);

 private:
  struct Entry {
    Sighting seen{};
    host::ObservedGuestPtr guest{};
    std::uint64_t read = 0;    // the ticket of the reading
    std::uint64_t marked = 0;  // newer than `read`: must be read again
    Duration read_at{};
  };
  struct Listing {
    std::vector<Sighting> seen{};
    host::Inventory inventory{};
    std::uint64_t ticket = 0;
    Duration next_turn{};  // when one of them is to be read again
  };
  bool is_fresh(const Entry& entry, const Sighting& seen) const;

  mutable std::mutex mutex_;
  std::unordered_map<Uuid, Entry> entries_{};
  std::unordered_map<std::string, Uuid> names_{};  // of what was read last under each
  std::optional<Listing> listing_{};               // gone when what it holds was replaced
  std::uint64_t clock_ = 1;
  std::uint64_t all_marked_ = 0;
};

}  // namespace holdfast::libvirt
