// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/hypervisor.hpp"
#include "host/storage.hpp"
#include "schema/guest.hpp"

namespace holdfast::host {

// What became of a guest that was, or was not, being born.
enum class BirthState {
  absent,
  under_way,  // something is being restored that may be it: wait
  born,
};

// For providers whose disks live inside of their guests (Proxmox VE): a guest is born with its
// root disk and goes with all of its disks, and Hypervisor::define() only changes what exists.
// Rules as for the ports in host/hypervisor.hpp.
class ContainedGuests {
 public:
  virtual ~ContainedGuests() = default;
  // Whether a guest of that spec can be had here; Errc::invalid: what of it cannot.
  virtual Result<void> check(const GuestSpec& spec) const = 0;
  // Restores `image` as the stopped guest that `definition` describes: its name, marker and
  // interfaces at once, so that it never has the image's own. The root disk has the image's
  // size, there are no other disks yet. A guest with that UUID is success.
  virtual Result<void> restore(const GuestDefinition& definition, const StoredImage& image) = 0;
  // By UUID. Never `absent` while it cannot be told.
  virtual Result<BirthState> find(const Uuid& uuid) = 0;
  // Gives a guest, running or not, an empty volume. One of that name is success; Errc::conflict
  // when it is larger.
  virtual Result<void> add_disk(const Uuid& uuid, const Disk& disk) = 0;
  // The address that disk `name` will have for DiskStore once Hypervisor::redefine() has left it
  // out of the guest, or move_disk() put another in its place: it is out of use then, and stays.
  // Errc::not_found.
  virtual Result<std::string> path_aside(const Uuid& uuid, const std::string& name) = 0;
  // Copies disk `name` of a stopped guest to another target, where it is used from then on; the
  // source is out of use, as above. On that target already is success.
  virtual Result<void> move_disk(gate::Permit permit, const Uuid& uuid, const std::string& name,
                                 const std::string& target) = 0;
  // Removes a stopped guest with all of its disks and snapshots.
  virtual Result<void> free(gate::Permit permit, const Uuid& uuid) = 0;
};

}  // namespace holdfast::host
