// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include "tests/catch.hpp"
#include "tests/contract/backups_contract.hpp"
#include "tests/contract/hypervisor_contract.hpp"
#include "tests/drivers/proxmox/proxmox_site.hpp"
#include "tests/sim/permits.hpp"

using namespace holdfast;
using namespace holdfast::test;

namespace {

class ProxmoxProvider final : public contract::HypervisorWorld {
 public:
  ProxmoxProvider(standin::GuestKind kind, standin::Version version)
      : kind_{kind}, site_{version}, archive_{site_.add_image(kind)} {}
  ~ProxmoxProvider() override {
    for (const auto& violation : site_.stand_in.violations())
      FAIL_CHECK(standin::to_string(violation));
  }

  host::GuestInventory& inventory() override { return ports().inventory; }
  host::Hypervisor& hypervisor() override { return ports().hypervisor; }
  host::PowerControl& power() override { return ports().power; }
  host::LiveTuning& tuning() override { return ports().tuning; }
  host::GuestSnapshots& snapshots() override { return ports().snapshots; }
  host::Backups* backups() override { return ports().backups; }

  host::GuestDefinition definition(const std::string& name) override {
    host::GuestDefinition wanted;
    wanted.marker.uuid = Uuid::random(random_);
    wanted.marker.name = name;
    wanted.marker.host_id = "0123456789abcdef0123456789abcdef";
    wanted.marker.provenance = "created";
    wanted.name = name;
    wanted.shape.cpus = 1;
    wanted.shape.memory = mebibytes(64);
    const auto path = ports().disks.path_of("fast", wanted.marker.uuid, "root").value();
    wanted.shape.disks = {{"root", "fast", path, "raw", gibibytes(1)}};
    std::array<char, 18> mac{};
    std::snprintf(mac.data(), mac.size(), "02:00:00:00:00:%02x", ++nics_);
    wanted.shape.nics = {{mac.data(), Interface::Kind::bridge, "vmbr0"}};
    return wanted;
  }
  Result<void> bring(const host::GuestDefinition& definition) override {
    host::StoredImage image;
    image.directory = archive_;
    TRY(ports().contained->restore(definition, image));
    return hypervisor().define(definition);
  }
  Result<void> remove(gate::Permit permit, const Uuid& uuid) override {
    return ports().contained->free(std::move(permit), uuid);
  }
  Uuid add_foreign(const std::string& name) override {
    auto& world = site_.stand_in.world();
    const bool is_container = kind_ == standin::GuestKind::lxc;
    const standin::Config config =
        is_container ? standin::Config{{"hostname", name}, {"rootfs", "local:1"}}
                     : standin::Config{{"name", name}, {"memory", "512"}, {"scsi0", "local:1"}};
    const int vmid = world.add_guest(kind_, 700 + static_cast<int>(++nics_), config, "theirs").vmid;
    const auto all = inventory().observe_all().value();
    for (const auto& guest : all.guests)
      if (guest->name == name) return guest->uuid;
    FAIL("guest " << vmid << " is not listed");
    return {};
  }
  gate::Permit permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation) override {
    return mint_.permit(verb, uuid, incarnation);
  }
  bool wait_until(const std::function<bool()>& holds) override {
    for (int second = 0; second < 30; ++second) {
      if (holds()) return true;
      site_.stand_in.advance(std::chrono::seconds{1});
    }
    return holds();
  }
  bool cut() override { return site_.wire.is_cut = true; }
  void mend() override { site_.wire.is_cut = false; }
  bool has_snapshots() const override { return true; }
  bool defines_live() const override { return kind_ == standin::GuestKind::lxc; }
  bool can_suspend() const override { return kind_ == standin::GuestKind::qemu; }
  bool exchanges_disks() const override { return false; }

 private:
  host::Host& ports() {
    if (!ports_) ports_.emplace(site_.ports());
    return *ports_;
  }

  standin::GuestKind kind_;
  ProxmoxSite site_;
  std::string archive_;
  std::optional<host::Host> ports_{};
  sim::SeededRandom random_{3};
  sim::PermitMint mint_{};
  unsigned nics_ = 0;
};

}  // namespace

TEST_CASE("proxmox backups: keep what every provider promises of backups", "[contract]") {
  const auto kind = GENERATE(standin::GuestKind::lxc, standin::GuestKind::qemu);
  contract::check_backups_contract(
      [kind] { return std::make_unique<ProxmoxProvider>(kind, standin::Version::v9_1); });
}

TEST_CASE("proxmox containers: keep what every hypervisor driver promises", "[contract]") {
  contract::check_hypervisor_contract([] {
    return std::make_unique<ProxmoxProvider>(standin::GuestKind::lxc, standin::Version::v8_4);
  });
}

TEST_CASE("proxmox machines: keep what every hypervisor driver promises", "[contract]") {
  contract::check_hypervisor_contract([] {
    return std::make_unique<ProxmoxProvider>(standin::GuestKind::qemu, standin::Version::v9_1);
  });
}
