// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/backups.hpp"
#include "host/hypervisor.hpp"

// What every hypervisor driver promises, as one suite: run on the simulated host, on
// libvirt's test driver and on QEMU.
namespace holdfast::contract {

// One empty-handed provider and what a test needs besides its ports. Made anew for each
// section; its destructor removes every guest and file that the section made.
class HypervisorWorld {
 public:
  virtual ~HypervisorWorld() = default;

  virtual host::GuestInventory& inventory() = 0;
  virtual host::Hypervisor& hypervisor() = 0;
  virtual host::PowerControl& power() = 0;
  virtual host::LiveTuning& tuning() = 0;
  virtual host::GuestSnapshots& snapshots() = 0;
  virtual host::Backups* backups() { return nullptr; }  // null: the provider takes none

  // A guest that could be defined and started: fresh UUID and MAC, incarnation 1, `name`,
  // 1 CPU, 64 MiB, one 16 MiB root disk whose file exists, one user-mode NIC.
  virtual host::GuestDefinition definition(const std::string& name) = 0;
  // Makes the guest that `definition` describes and that does not exist yet; by define(), but
  // where guests are born otherwise.
  virtual Result<void> bring(const host::GuestDefinition& definition) {
    return hypervisor().define(definition);
  }
  // Removes a stopped guest; by undefine(), but where its disks go with it.
  virtual Result<void> remove(gate::Permit permit, const Uuid& uuid) {
    return hypervisor().undefine(std::move(permit), uuid);
  }
  // A stopped guest called `name` that Holdfast did not make: no marker.
  virtual Uuid add_foreign(const std::string& name) = 0;
  // A permit of the gate for that verb, guest and incarnation, whatever the rules say.
  virtual gate::Permit permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation) = 0;
  // Lets what the provider does on its own (events, stops) come through; false after 30 s.
  virtual bool wait_until(const std::function<bool()>& holds) = 0;

  // Makes the provider unreachable, and reachable again. False: this world cannot.
  virtual bool cut() { return false; }
  virtual void mend() {}
  // Whether snapshots are real here: made, listed and removed with their files.
  virtual bool has_snapshots() const { return false; }
  // Whether a running guest can be tuned (CPUs, NICs, disks).
  virtual bool has_live_tuning() const { return false; }
  // Whether a running guest takes on at once what define() says of it.
  virtual bool defines_live() const { return false; }
  virtual bool can_suspend() const { return true; }
  // Whether redefine() may put other disks in the place of those that a guest has.
  virtual bool exchanges_disks() const { return true; }
};

using MakeWorld = std::function<std::unique_ptr<HypervisorWorld>()>;

// Call from within one TEST_CASE; every promise is a SECTION of it.
void check_hypervisor_contract(const MakeWorld& make_world);

}  // namespace holdfast::contract
