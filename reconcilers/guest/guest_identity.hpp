// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "host/observed.hpp"
#include "schema/guest.hpp"

namespace holdfast {

// A disk that this guest owns. `path` is where it was made; `active` what the guest
// writes to now, which is another file once there is a snapshot; `layers` all others it
// ever was on: what must go when the disk goes.
struct DiskIdentity {
  std::string name{};
  std::string target{};
  std::string path{};
  std::string active{};
  std::string format = "raw";
  std::vector<std::string> layers{};
  bool operator==(const DiskIdentity&) const = default;
};

// The MAC address given to one desired interface, for as long as the guest lives.
struct NicIdentity {
  std::string interface {};  // Interface::name
  std::string mac{};
  bool operator==(const NicIdentity&) const = default;
};

// A disk that a signed job took out of use: kept for seven days, then freed.
struct SetAside {
  DiskIdentity disk{};
  Time since{};          // when the job ended
  Duration witnessed{};  // Journal::witnessed() then; 0 when it was before that was counted
  std::string job{};     // its id
  std::string verb{};    // what it ordered, as the gate spells it
  bool operator==(const SetAside&) const = default;
};

// What Holdfast decided when a guest was born and must remember: it is written as JSON
// into Provenance::detail and Marker::detail, so that either rebuilds the other.
struct GuestIdentity {
  Uuid uuid{};
  Incarnation incarnation{};
  std::string name{};
  ImageRef image{};
  FirstBoot first_boot = FirstBoot::nocloud;
  std::vector<DiskIdentity> disks{};  // "root" first
  // Also of interfaces that are not wanted any more: wanted again, they get it back.
  std::vector<NicIdentity> nics{};
  std::string kernel{};  // direct boot, absolute paths; empty to boot from the root disk
  std::string initrd{};
  std::string cmdline{};
  // Every seed file that was written for it: what must go when the guest goes.
  std::vector<std::string> seeds{};
  // Live changes the provider declined: "cpus=4". Not tried again before the next stop.
  std::vector<std::string> deferred{};
  // Tombstones: digest of the spec that was still desired when the guest was destroyed.
  // While desired state says the same, no successor is created. Empty: it was not desired.
  std::string destroyed_spec{};
  // Tombstones: the interfaces it had, for `holdfast undelete`.
  std::vector<host::Nic> parked_nics{};

  std::vector<SetAside> aside{};
  // When a signed job last put a backup in the place of its data.
  std::optional<Time> restored{};

  const DiskIdentity* find_disk(std::string_view disk) const;
  const NicIdentity* find_nic(std::string_view interface) const;
  bool operator==(const GuestIdentity&) const = default;
};

// Every file that `disk` lies in, each once.
std::vector<std::string> files_of(const DiskIdentity& disk);

// One line of JSON. parse_identity(to_json(i)) == i.
std::string to_json(const GuestIdentity& identity);
// Strict: Errc::corrupt for anything that to_json() would not have written.
Result<GuestIdentity> parse_identity(std::string_view json);
// Errc::corrupt when the marker's detail is not ours or names another guest.
Result<GuestIdentity> identity_from_marker(const host::Marker& marker);

// The marker of a live guest; `spec_digest` is of the spec it will have been given.
host::Marker make_marker(const GuestIdentity& identity, const std::string& host_id,
                         const std::string& spec_digest, const std::string& last_job);

// "acme.tombstone-1a2b3c4d": what a destroyed guest is called at the provider.
std::string tombstone_name(const GuestIdentity& identity);

// A locally administered unicast address ("02:..."), not in `taken`.
std::string random_mac(Random& random, const std::vector<std::string>& taken);

// "guest/acme", the subject of the journal, the queue and the gate; and back.
std::string guest_subject(std::string_view name);
std::optional<std::string> guest_name_of(std::string_view subject);

}  // namespace holdfast
