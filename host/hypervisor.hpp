// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/observed.hpp"

namespace holdfast::host {

// Ports to one hypervisor, small and split by caller. All of them: blocking with a
// deadline of their own, safe to call from several workers, idempotent, and speak in
// UUIDs. Errc::not_found only when the provider itself said that the guest does not
// exist; a provider that is away answers Errc::unavailable.
// Methods that change a guest read its marker back first and answer Errc::conflict
// when it is not the one expected, so that a stranger under our UUID is not touched.

class GuestInventory {
 public:
  virtual ~GuestInventory() = default;
  // All guests, ours and foreign, in one bulk call to the provider.
  virtual Result<Inventory> observe_all() = 0;
  // One guest read afresh, bypassing every cache. Null: the provider says it does not exist.
  virtual Result<ObservedGuestPtr> observe(const Uuid& uuid) = 0;
  // `changed` is called, from any thread, when a guest may have changed, and with the
  // nil UUID when any of them may have (the connection broke or came back). Set once, before use.
  virtual void on_change(std::function<void(const Uuid&)> changed) = 0;
};

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;
  // Creates the guest, or makes its persistent configuration this one; a running guest
  // keeps running as it is. Conflict: UUID or name belongs to something else. Denied: it
  // would take a disk away, exchange one, or change the incarnation.
  virtual Result<void> define(const GuestDefinition& definition) = 0;
  // As define(), for a stopped guest that exists, whatever it takes away; files stay where
  // they are. `permit` names the incarnation as it was.
  virtual Result<void> redefine(gate::Permit permit, const GuestDefinition& definition) = 0;
  // Writes `definition`'s marker into a guest that has none, and gives its disks the names
  // that `definition` has for their paths (a running guest sees these from its next start).
  // Nothing else of it changes. Invalid: it has what a definition cannot speak of. Conflict:
  // it carries a marker already.
  virtual Result<void> adopt(gate::Permit permit, const GuestDefinition& definition) = 0;
  // Stopped guests only.
  virtual Result<void> rename(const Uuid& uuid, const std::string& name) = 0;
  // Forgets the configuration of a stopped guest; its disks stay where they are.
  virtual Result<void> undefine(gate::Permit permit, const Uuid& uuid) = 0;
};

class PowerControl {
 public:
  virtual ~PowerControl() = default;
  virtual Result<void> start(const Uuid& uuid) = 0;
  // Asks the guest to stop (ACPI) and returns; it may take long, or never happen.
  virtual Result<void> request_stop(const Uuid& uuid) = 0;
  // Cuts the power. Loses what the guest has not written, not its disks.
  virtual Result<void> power_off(const Uuid& uuid) = 0;
  virtual Result<void> suspend(const Uuid& uuid) = 0;
  virtual Result<void> resume(const Uuid& uuid) = 0;
};

// Changes of a running guest, applied to the live and the persistent configuration
// alike. Errc::denied: this change needs a restart; the caller has made it persistent
// with define() and reports PendingRestart.
class LiveTuning {
 public:
  virtual ~LiveTuning() = default;
  virtual Result<void> set_cpus(const Uuid& uuid, unsigned cpus) = 0;
  virtual Result<void> set_memory(const Uuid& uuid, Bytes memory) = 0;
  virtual Result<void> set_limits(const Uuid& uuid, const Limits& limits) = 0;
  // Tells the running guest that `disk` is now `size` large; also grows the file.
  virtual Result<void> grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) = 0;
  virtual Result<void> attach_disk(const Uuid& uuid, const Disk& disk) = 0;
  virtual Result<void> attach_nic(const Uuid& uuid, const Nic& nic) = 0;
  virtual Result<void> detach_nic(const Uuid& uuid, const std::string& mac) = 0;
};

// Point-in-time states of all disks of one guest: external, disk-only, crash-consistent.
class GuestSnapshots {
 public:
  virtual ~GuestSnapshots() = default;
  // Atomic over all disks, running or not. Conflict: a snapshot of that name exists.
  virtual Result<void> create(const Uuid& uuid, const std::string& name) = 0;
  virtual Result<std::vector<SnapshotFacts>> list(const Uuid& uuid) = 0;
  // Stopped guests only: the disks are again as they were at `name`. What was written
  // since stays in files beside them (the safety copy), out of use.
  virtual Result<void> roll_back(gate::Permit permit, const Uuid& uuid,
                                 const std::string& name) = 0;
  // Forgets the snapshot and merges its layer; the guest's present state is unchanged.
  virtual Result<void> remove(gate::Permit permit, const Uuid& uuid, const std::string& name) = 0;
};

}  // namespace holdfast::host
