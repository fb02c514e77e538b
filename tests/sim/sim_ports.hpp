// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/backups.hpp"
#include "host/hypervisor.hpp"
#include "host/storage.hpp"
#include "tests/sim/sim_core.hpp"

namespace holdfast::sim {

// The ports of host/, each over the one core. They promise what the ports promise.

class SimInventory final : public host::GuestInventory {
 public:
  explicit SimInventory(SimCore& core) : core_{core} {}
  Result<host::Inventory> observe_all() override;
  Result<host::ObservedGuestPtr> observe(const Uuid& uuid) override;
  void on_change(std::function<void(const Uuid&)> changed) override;

 private:
  const host::Inventory& present();

  SimCore& core_;
  std::uint64_t version_ = 0;           // of the world that present_ shows
  host::Inventory present_{};           // shared until something changes
  std::vector<host::Inventory> old_{};  // a few former views, oldest first
};

class SimHypervisor final : public host::Hypervisor {
 public:
  explicit SimHypervisor(SimCore& core) : core_{core} {}
  Result<void> define(const host::GuestDefinition& definition) override;
  Result<void> redefine(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> adopt(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> rename(const Uuid& uuid, const std::string& name) override;
  Result<void> undefine(gate::Permit permit, const Uuid& uuid) override;

 private:
  SimCore& core_;
};

class SimPower final : public host::PowerControl {
 public:
  explicit SimPower(SimCore& core) : core_{core} {}
  Result<void> start(const Uuid& uuid) override;
  Result<void> request_stop(const Uuid& uuid) override;
  Result<void> power_off(const Uuid& uuid) override;
  Result<void> suspend(const Uuid& uuid) override;
  Result<void> resume(const Uuid& uuid) override;

 private:
  SimCore& core_;
};

class SimTuning final : public host::LiveTuning {
 public:
  explicit SimTuning(SimCore& core) : core_{core} {}
  Result<void> set_cpus(const Uuid& uuid, unsigned cpus) override;
  Result<void> set_memory(const Uuid& uuid, Bytes memory) override;
  Result<void> set_limits(const Uuid& uuid, const Limits& limits) override;
  Result<void> grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) override;
  Result<void> attach_disk(const Uuid& uuid, const host::Disk& disk) override;
  Result<void> attach_nic(const Uuid& uuid, const host::Nic& nic) override;
  Result<void> detach_nic(const Uuid& uuid, const std::string& mac) override;

 private:
  SimCore& core_;
};

class SimSnapshots final : public host::GuestSnapshots {
 public:
  explicit SimSnapshots(SimCore& core) : core_{core} {}
  Result<void> create(const Uuid& uuid, const std::string& name) override;
  Result<std::vector<host::SnapshotFacts>> list(const Uuid& uuid) override;
  Result<void> roll_back(gate::Permit permit, const Uuid& uuid, const std::string& name) override;
  Result<void> remove(gate::Permit permit, const Uuid& uuid, const std::string& name) override;

 private:
  SimCore& core_;
};

// Backups outlive their guests. A restore over one puts content into the files that are there.
class SimBackups final : public host::Backups {
 public:
  explicit SimBackups(SimCore& core) : core_{core} {}
  Result<std::vector<host::BackupFacts>> list(const std::optional<Uuid>& guest) override;
  Result<host::BackupFacts> take(const Uuid& uuid, const host::BackupOrder& order) override;
  Result<host::BackupContent> inspect(const std::string& backup, const Uuid& as) override;
  Result<void> restore(const host::GuestDefinition& definition, const std::string& backup) override;
  Result<host::RestoreForecast> forecast(const Uuid& uuid, const std::string& backup) override;
  Result<void> restore_over(gate::Permit permit, const host::GuestDefinition& definition,
                            const std::string& backup) override;
  Result<void> reattach(const Uuid& uuid, const host::KeptDisk& kept) override;

 private:
  Result<const SimBackup*> find(const std::string& backup) const;
  Result<host::RestoreForecast> outlook(const SimDomain& domain, const SimBackup& backup) const;

  SimCore& core_;
};

class SimDisks final : public host::DiskStore, public host::DiskCopies {
 public:
  explicit SimDisks(SimCore& core) : core_{core} {}
  Result<std::string> path_of(const std::string& target, const Uuid& uuid,
                              const std::string& disk) const override;
  Result<void> restore(const ImageRef& image, const std::string& image_disk,
                       const std::string& path, const host::Transfer& transfer) override;
  Result<void> create_blank(const std::string& path, Bytes size) override;
  Result<void> grow(const std::string& path, Bytes size) override;
  Result<std::optional<host::DiskFacts>> find(const std::string& path) const override;
  Result<void> write_seed(const std::string& path, const host::Seed& seed) override;
  Result<void> remove(gate::Permit permit, const std::string& path) override;
  Result<void> copy(const host::CopySource& source, const std::string& path, Bytes size,
                    const host::Transfer& transfer) override;

 private:
  SimCore& core_;
};

class SimImages final : public host::ImageStore {
 public:
  explicit SimImages(SimCore& core) : core_{core} {}
  Result<std::optional<host::StoredImage>> find(const ImageRef& image) const override;
  Result<std::vector<host::StoredImage>> list() const override;
  Result<host::StoredImage> import(const std::string& path,
                                   const host::Transfer& transfer) override;
  Result<void> verify(const ImageRef& image, const host::Transfer& transfer) const override;

 private:
  SimCore& core_;
};

// A path on a simulated target, taken apart.
struct SimPath {
  const SimTarget* target = nullptr;
  Uuid owner{};
};
// Errc::denied: not below a target and a guest's UUID. Errc::unavailable: unplugged.
Result<SimPath> parse_path(const SimWorld& world, const std::string& path);
// Errc::exhausted when the target that holds `path` is full.
Result<void> ensure_space(const SimWorld& world, const std::string& path);

}  // namespace holdfast::sim
