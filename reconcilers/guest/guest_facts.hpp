// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "host/observed.hpp"
#include "host/storage.hpp"
#include "journal/records.hpp"
#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/keeping.hpp"
#include "schema/guest.hpp"

namespace holdfast {

// What the accepted desired state says of one name.
struct DesiredGuest {
  // The newest acceptable wish. Absent while `is_wanted`: named, but what was said of it
  // was never acceptable, so the guest, if there is one, stays as it is.
  std::optional<Guest> guest{};
  bool is_wanted = true;    // the accepted generation names it, well said or not
  std::string rejection{};  // why the newest edit was not accepted; empty: it was
  std::string held{};       // a mass change waits for a signature; empty: it does not
  std::uint64_t generation = 0;
  std::string spec_digest{};  // applied_digest(*guest), where somebody computed it before; or empty
};

// Where reconcilers learn what is wanted; the controller keeps it. Thread-safe.
class DesiredGuests {
 public:
  virtual ~DesiredGuests() = default;
  // Null: nothing is known of any guest (no state was accepted yet). A name that the
  // accepted generation does not carry answers a value with `is_wanted` false.
  virtual std::shared_ptr<const DesiredGuest> find(const std::string& name) const = 0;
  // Names the accepted generation carries, rejected ones included; sorted.
  virtual std::vector<std::string> names() const = 0;
};

// Somebody else at the provider who has the name a new guest would get.
struct NameClash {
  Uuid uuid{};
  bool is_marked = false;  // carries a Holdfast marker that the journal does not know
};

// A guest of the same name that was destroyed on a signature; its disks are kept.
struct Tombstone {
  Provenance provenance{};
  GuestIdentity identity{};
  host::ObservedGuestPtr observed{};
};

// What a signed destroy leaves for ever, so that a guest that is still wanted is not made anew
// by itself once its tombstone was freed. Gone when desired state stops naming the guest.
struct Destruction {
  std::string spec{};  // digest of what was wanted of it then; empty: it was not wanted
  std::string job{};   // whose signature it was
};
// The journal's fact that holds it, and its text.
std::string destruction_fact(std::string_view guest);
std::string to_string(const Destruction& destruction);
Destruction parse_destruction(std::string_view text);

// Everything a plan for one guest depends on. Values only: the same facts, the same plan.
struct GuestFacts {
  std::string name{};
  std::string host_id{};
  std::string provider = "libvirt";  // the one this host has
  DesiredGuest desired{};
  // The journal's row that owns the name, and its detail read back. Absent: never made here.
  std::optional<Provenance> provenance{};
  std::optional<GuestIdentity> identity{};
  // Null: the provider said that no guest of that UUID exists. Never null for "unknown".
  host::ObservedGuestPtr observed{};
  std::optional<NameClash> name_taken{};             // asked for only while there is no guest
  std::optional<host::StoredImage> image{};          // the desired image, when it is on this host
  std::map<std::string, Bytes> disk_files{};         // by path; asked for only where it matters
  std::map<std::string, std::string> new_paths{};    // wanted disks without one, by disk name
  std::map<std::string, std::string> new_macs{};     // wanted interfaces without one, by name
  std::map<std::string, std::string> bad_targets{};  // target -> why this host cannot use it
  std::string unsupported{};  // what of the spec this host's provider cannot do; empty: nothing
  std::vector<Tombstone> tombstones{};
  std::optional<Destruction> destroyed{};  // asked for only while there is no guest
  // Fields corrected so often today that they are only reported: "live.cpus".
  std::set<std::string> oscillating{};
  Moment now{};
};

}  // namespace holdfast
