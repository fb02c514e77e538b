// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "drivers/libvirt/core.hpp"
#include "host/hypervisor.hpp"

// The ports, one file each. Private to this folder; libvirt_host.hpp hands them out.
namespace holdfast::libvirt {

class LibvirtInventory final : public host::GuestInventory {
 public:
  explicit LibvirtInventory(CorePtr core) : core_{std::move(core)} {}
  Result<host::Inventory> observe_all() override;
  Result<host::ObservedGuestPtr> observe(const Uuid& uuid) override;
  void on_change(std::function<void(const Uuid&)> changed) override;

 private:
  CorePtr core_;
};

class LibvirtHypervisor final : public host::Hypervisor {
 public:
  explicit LibvirtHypervisor(CorePtr core) : core_{std::move(core)} {}
  Result<void> define(const host::GuestDefinition& definition) override;
  Result<void> redefine(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> adopt(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> rename(const Uuid& uuid, const std::string& name) override;
  Result<void> undefine(gate::Permit permit, const Uuid& uuid) override;

 private:
  CorePtr core_;
};

class LibvirtPower final : public host::PowerControl {
 public:
  explicit LibvirtPower(CorePtr core) : core_{std::move(core)} {}
  Result<void> start(const Uuid& uuid) override;
  Result<void> request_stop(const Uuid& uuid) override;
  Result<void> power_off(const Uuid& uuid) override;
  Result<void> suspend(const Uuid& uuid) override;
  Result<void> resume(const Uuid& uuid) override;

 private:
  CorePtr core_;
};

class LibvirtTuning final : public host::LiveTuning {
 public:
  explicit LibvirtTuning(CorePtr core) : core_{std::move(core)} {}
  Result<void> set_cpus(const Uuid& uuid, unsigned cpus) override;
  Result<void> set_memory(const Uuid& uuid, Bytes memory) override;
  Result<void> set_limits(const Uuid& uuid, const Limits& limits) override;
  Result<void> grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) override;
  Result<void> attach_disk(const Uuid& uuid, const host::Disk& disk) override;
  Result<void> attach_nic(const Uuid& uuid, const host::Nic& nic) override;
  Result<void> detach_nic(const Uuid& uuid, const std::string& mac) override;

 private:
  CorePtr core_;
};

class LibvirtSnapshots final : public host::GuestSnapshots {
 public:
  explicit LibvirtSnapshots(CorePtr core) : core_{std::move(core)} {}
  Result<void> create(const Uuid& uuid, const std::string& name) override;
  Result<std::vector<host::SnapshotFacts>> list(const Uuid& uuid) override;
  Result<void> roll_back(gate::Permit permit, const Uuid& uuid, const std::string& name) override;
  Result<void> remove(gate::Permit permit, const Uuid& uuid, const std::string& name) override;

 private:
  CorePtr core_;
};

}  // namespace holdfast::libvirt
