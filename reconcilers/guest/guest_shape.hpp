// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gate/facts.hpp"
#include "host/observed.hpp"
#include "reconcilers/guest/guest_facts.hpp"
#include "reconcilers/guest/guest_plan.hpp"

// From what is wanted and what is there to what would be defined. Pure.
namespace holdfast {

// Digest of all of the spec but its power, which changes without a definition.
std::string applied_digest(const Guest& guest);
// The same of what is wanted, which must be known. A plan of each guest at each pass needs it.
std::string applied_digest(const DesiredGuest& desired);

// Whose guest `observed` is, as its marker says. Null is no_object.
gate::MarkerState marker_state(const host::ObservedGuestPtr& observed,
                               const GuestIdentity& identity, const std::string& host_id);

// Whether the guest says of itself that it was destroyed.
bool is_tombstone(const host::Marker& marker);

// The first-boot configuration of `guest`; nothing for images that take none. Its path
// carries a digest of the content: another content is another file.
std::optional<SeedFile> seed_of(const Guest& guest, const GuestIdentity& identity);
// What the kernel is told; with the guest's name for images that read it there.
std::string cmdline_of(const GuestIdentity& identity);

// The disk or the interface of that name or address; null when there is none.
const host::Disk* find_disk(const host::Shape& shape, const std::string& name);
const host::Nic* find_nic(const host::Shape& shape, const std::string& mac);
bool is_active(host::PowerState power);

// The wanted interfaces with the addresses they keep. Those in `new_macs` get theirs.
std::vector<host::Nic> wanted_nics(const Guest& guest, const GuestIdentity& identity,
                                   const std::map<std::string, std::string>& new_macs);
// Whether both hold the same interfaces; their order does not matter after birth.
bool same_nics(const std::vector<host::Nic>& one, const std::vector<host::Nic>& other);

// `identity` with the addresses that new interfaces were given.
GuestIdentity with_macs(GuestIdentity identity, const std::map<std::string, std::string>& new_macs);
// `identity` as `observed` shows its disks to be on other files now; nothing when they
// are where they were.
std::optional<GuestIdentity> moved_identity(const GuestIdentity& identity,
                                            const host::ObservedGuest& observed);

// `identity`, remembering that `seed` was written for it.
GuestIdentity with_seed(GuestIdentity identity, const std::optional<SeedFile>& seed);
// Under what a live change is remembered once the provider declined it: "cpus=4".
std::string deferral_of(const LiveChange& change);

// Disks as they would be attached: those observed as they are, others from `sizes` by
// path. A disk that nobody knows but the provider is kept.
std::vector<host::Disk> attached_disks(const GuestIdentity& identity,
                                       const host::ObservedGuest* observed,
                                       const std::map<std::string, Bytes>& sizes);

// Everything but the disks from `guest`; `disks` as given.
host::GuestDefinition definition_of(const Guest& guest, const GuestIdentity& identity,
                                    std::vector<host::Nic> nics, std::vector<host::Disk> disks);

}  // namespace holdfast
