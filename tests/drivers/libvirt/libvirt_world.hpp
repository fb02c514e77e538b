// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "drivers/libvirt/handles.hpp"
#include "drivers/libvirt/libvirt_host.hpp"
#include "tests/contract/hypervisor_contract.hpp"
#include "tests/sim/permits.hpp"

namespace holdfast::libvirt {

// A folder of its own, removed with all in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  // A sparse file of zeros.
  std::string add_disk(const std::string& name, Bytes size) const;

 private:
  std::filesystem::path path_{};
};

// A libvirt daemon, or its in-process test driver, as the contract suite wants it. Removes
// the guests it knows of, and only those.
class LibvirtWorld final : public contract::HypervisorWorld {
 public:
  explicit LibvirtWorld(std::string uri, Options options = {});
  ~LibvirtWorld() override;

  host::GuestInventory& inventory() override { return host_->inventory(); }
  host::Hypervisor& hypervisor() override { return host_->hypervisor(); }
  host::PowerControl& power() override { return host_->power(); }
  host::LiveTuning& tuning() override { return host_->tuning(); }
  host::GuestSnapshots& snapshots() override { return host_->snapshots(); }
  host::GuestDefinition definition(const std::string& name) override;
  Uuid add_foreign(const std::string& name) override;
  gate::Permit permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation) override;
  bool wait_until(const std::function<bool()>& holds) override;
  bool cut() override;
  void mend() override;
  bool has_snapshots() const override { return is_qemu(); }
  bool has_live_tuning() const override { return is_qemu(); }

  bool is_qemu() const { return uri_.rfind("qemu", 0) == 0; }
  LibvirtHost& host() { return *host_; }
  const TemporaryFolder& folder() const { return folder_; }
  // A connection beside the driver's: what an administrator with virsh would do.
  virConnect* administrator();
  DomainHandle find(const Uuid& uuid);

 private:
  std::string uri_;
  TemporaryFolder folder_{};
  SystemClock clock_{};
  SystemRandom random_{};
  sim::PermitMint mint_{};
  std::unique_ptr<LibvirtHost> host_{};
  ConnectHandle administrator_{};
  std::vector<Uuid> made_{};
};

}  // namespace holdfast::libvirt
