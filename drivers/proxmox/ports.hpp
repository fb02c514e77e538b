// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/guarded.hpp"
#include "drivers/proxmox/archive.hpp"
#include "drivers/proxmox/node.hpp"
#include "host/host.hpp"

// The ports of host/, each a thin class over the same Node. Private to the folder.
namespace holdfast::proxmox {

class Inventory final : public host::GuestInventory {
 public:
  explicit Inventory(Node& node) : node_{node} {}
  Result<host::Inventory> observe_all() override { return node_.observe_all(); }
  Result<host::ObservedGuestPtr> observe(const Uuid& uuid) override { return node_.observe(uuid); }
  // Proxmox tells nobody anything: what changed is seen by the next listing.
  void on_change(std::function<void(const Uuid&)>) override {}

 private:
  Node& node_;
};

class Hypervisor final : public host::Hypervisor {
 public:
  explicit Hypervisor(Node& node) : node_{node} {}
  Result<void> define(const host::GuestDefinition& definition) override;
  Result<void> redefine(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> adopt(gate::Permit permit, const host::GuestDefinition& definition) override;
  Result<void> rename(const Uuid& uuid, const std::string& name) override;
  // Errc::invalid: a guest's disks go with it; see ContainedGuests::free.
  Result<void> undefine(gate::Permit permit, const Uuid& uuid) override;

 private:
  Result<void> apply(const Ours& guest, const host::GuestDefinition& definition,
                     bool may_remove = false);
  Node& node_;
};

class Power final : public host::PowerControl {
 public:
  explicit Power(Node& node) : node_{node} {}
  Result<void> start(const Uuid& uuid) override;
  Result<void> request_stop(const Uuid& uuid) override;
  Result<void> power_off(const Uuid& uuid) override;
  Result<void> suspend(const Uuid& uuid) override;
  Result<void> resume(const Uuid& uuid) override;

 private:
  Result<void> order(const Uuid& uuid, const Ours& guest, const std::string& what,
                     const Form& form = {});
  Node& node_;
};

class Tuning final : public host::LiveTuning {
 public:
  explicit Tuning(Node& node) : node_{node} {}
  Result<void> set_cpus(const Uuid& uuid, unsigned cpus) override;
  Result<void> set_memory(const Uuid& uuid, Bytes memory) override;
  Result<void> set_limits(const Uuid& uuid, const Limits& limits) override;
  Result<void> grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) override;
  Result<void> attach_disk(const Uuid& uuid, const host::Disk& disk) override;
  Result<void> attach_nic(const Uuid& uuid, const host::Nic& nic) override;
  Result<void> detach_nic(const Uuid& uuid, const std::string& mac) override;

 private:
  Result<Ours> running(const Uuid& uuid);
  Result<void> tune(const Uuid& uuid, const std::function<void(host::Shape&)>& change);
  Node& node_;
};

class Snapshots final : public host::GuestSnapshots {
 public:
  explicit Snapshots(Node& node) : node_{node} {}
  Result<void> create(const Uuid& uuid, const std::string& name) override;
  Result<std::vector<host::SnapshotFacts>> list(const Uuid& uuid) override;
  // What was written since stays in a snapshot called "undo-op-N".
  Result<void> roll_back(gate::Permit permit, const Uuid& uuid, const std::string& name) override;
  Result<void> remove(gate::Permit permit, const Uuid& uuid, const std::string& name) override;

 private:
  Result<std::vector<host::SnapshotFacts>> list_of(const Place& place);
  Result<void> take(const Uuid& uuid, const Ours& guest, const std::string& name);
  Node& node_;
};

class Births final : public host::ContainedGuests {
 public:
  explicit Births(Node& node) : node_{node} {}
  Result<void> check(const GuestSpec& spec) const override;
  Result<void> restore(const host::GuestDefinition& definition,
                       const host::StoredImage& image) override;
  Result<host::BirthState> find(const Uuid& uuid) override;
  Result<void> add_disk(const Uuid& uuid, const host::Disk& disk) override;
  Result<std::string> path_aside(const Uuid& uuid, const std::string& name) override;
  Result<void> move_disk(gate::Permit permit, const Uuid& uuid, const std::string& name,
                         const std::string& target) override;
  Result<void> free(gate::Permit permit, const Uuid& uuid) override;

  using MakeForm = std::function<Result<Form>(int vmid)>;
  // Makes a guest of that kind under the first free of its VMIDs, asked for as `make_form` says.
  Result<void> bring(const host::GuestDefinition& definition, Kind kind, const MakeForm& make_form);

 private:
  enum class Claim { begun, ours, taken, busy };
  Result<Claim> claim(int vmid, const Uuid& uuid, Kind kind, const MakeForm& make_form);
  Result<Volume> volume_of(const Ours& guest, const std::string& name) const;
  Result<Claim> whose(int vmid, const Uuid& uuid);
  Result<Claim> whose(const Config& config, const Uuid& uuid);
  Result<bool> is_restoring(const std::vector<int>& vmids);
  Node& node_;
};

// The disks inside of guests, under the addresses that guest_config.hpp gives them. Only found
// and grown here, and removed once they are out of use; everything else is ContainedGuests' and
// answers Errc::invalid.
class Disks final : public host::DiskStore, public host::DiskCopies {
 public:
  explicit Disks(Node& node) : node_{node} {}
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
  Node& node_;
};

// Golden images: vzdump archives whose notes begin with "holdfast-image NAME VERSION".
class Images final : public host::ImageStore {
 public:
  explicit Images(Node& node) : node_{node} {}
  Result<std::optional<host::StoredImage>> find(const ImageRef& image) const override;
  Result<std::vector<host::StoredImage>> list() const override;
  Result<host::StoredImage> import(const std::string& path,
                                   const host::Transfer& transfer) override;
  Result<void> verify(const ImageRef& image, const host::Transfer& transfer) const override;

 private:
  Result<Bytes> root_size(const std::string& volid) const;
  Node& node_;
  mutable Guarded<std::map<std::string, Bytes>> sizes_{};  // of archives, which never change
};

// vzdump archives whose notes name a guest, and whose own configuration says the same.
class ArchiveBackups final : public host::Backups {
 public:
  ArchiveBackups(Node& node, Births& births) : node_{node}, births_{births} {}
  Result<std::vector<host::BackupFacts>> list(const std::optional<Uuid>& guest) override;
  Result<host::BackupFacts> take(const Uuid& uuid, const host::BackupOrder& order) override;
  Result<host::BackupContent> inspect(const std::string& backup, const Uuid& as) override;
  Result<void> restore(const host::GuestDefinition& definition, const std::string& backup) override;
  Result<host::RestoreForecast> forecast(const Uuid& uuid, const std::string& backup) override;
  Result<void> restore_over(gate::Permit permit, const host::GuestDefinition& definition,
                            const std::string& backup) override;
  Result<void> reattach(const Uuid& uuid, const host::KeptDisk& disk) override;

 private:
  struct Archive {
    host::BackupFacts facts{};
    int vmid = 0;
  };
  Result<std::vector<Archive>> archives();
  Result<bool> is_of(const Archive& archive);
  Result<Config> read(const std::string& backup);
  Result<std::optional<host::BackupFacts>> find(const Uuid& uuid, const std::string& label);
  Result<bool> is_being_taken(int vmid) const;
  Result<host::RestoreForecast> forecast(const Ours& guest, const Config& archived);

  Node& node_;
  Births& births_;
  // Which guest an archive is of, by its id, age and size: what it holds never changes.
  Guarded<std::map<std::string, host::Marker>> markers_{};
};

class TaskBoard final : public host::Tasks {
 public:
  explicit TaskBoard(Node& node) : node_{node} {}
  void watch(const Uuid& uuid, Begun begun) override { node_.watch(uuid, std::move(begun)); }
  Result<host::TaskState> look(const std::string& task) override { return node_.look(task); }

 private:
  Node& node_;
};

// Grows `disk` of a guest of ours, running or not.
Result<void> grow_volume(Node& node, const Uuid& uuid, const std::string& disk, Bytes size);
// The configuration of the guest that an archive holds.
Result<Config> config_in(const Node& node, const std::string& volid);
// What both kinds of restore of a guest say of it, from its definition.
Result<Form> guest_form(const Options& options, const Place& place,
                        const host::GuestDefinition& definition, const std::string& description);
// Errc::conflict: another guest of the node is called that.
Result<void> check_name(const Listing& listing, const std::string& name, std::optional<int> own);

}  // namespace holdfast::proxmox
