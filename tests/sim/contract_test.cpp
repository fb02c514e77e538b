// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>

#include "tests/catch.hpp"
#include "tests/contract/backups_contract.hpp"
#include "tests/contract/hypervisor_contract.hpp"
#include "tests/sim/permits.hpp"
#include "tests/sim/sim_host.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

class SimulatedProvider final : public contract::HypervisorWorld {
 public:
  host::GuestInventory& inventory() override { return ports_.inventory; }
  host::Hypervisor& hypervisor() override { return ports_.hypervisor; }
  host::PowerControl& power() override { return ports_.power; }
  host::LiveTuning& tuning() override { return ports_.tuning; }
  host::GuestSnapshots& snapshots() override { return ports_.snapshots; }
  host::Backups* backups() override { return ports_.backups; }

  host::GuestDefinition definition(const std::string& name) override {
    host::GuestDefinition wanted;
    wanted.marker.uuid = Uuid::random(random_);
    wanted.marker.name = name;
    wanted.marker.host_id = "0123456789abcdef0123456789abcdef";
    wanted.marker.provenance = "created";
    wanted.name = name;
    wanted.shape.cpus = 1;
    wanted.shape.memory = mebibytes(64);
    const std::string path = ports_.disks.path_of("local", wanted.marker.uuid, "root").value();
    REQUIRE(ports_.disks.create_blank(path, mebibytes(16)));
    wanted.shape.disks = {{"root", "local", path, "raw", mebibytes(16)}};
    std::array<char, 18> mac{};
    std::snprintf(mac.data(), mac.size(), "02:00:00:00:00:%02x", ++nics_);
    wanted.shape.nics = {{mac.data()}};
    return wanted;
  }
  Uuid add_foreign(const std::string& name) override {
    return host_.plant_foreign_domain(name, false);
  }
  gate::Permit permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation) override {
    return mint_.permit(verb, uuid, incarnation);
  }
  bool wait_until(const std::function<bool()>& holds) override {
    for (int second = 0; second < 30; ++second) {
      if (holds()) return true;
      host_.advance(std::chrono::seconds{1});
    }
    return holds();
  }
  bool cut() override {
    host_.restart_provider(std::chrono::hours{24});
    return true;
  }
  void mend() override { host_.bring_provider_back(); }
  bool has_snapshots() const override { return true; }
  bool has_live_tuning() const override { return true; }

 private:
  SimWorld world_{};
  ManualClock clock_{};
  SeededRandom random_{3};
  SimHost host_{world_, clock_};
  host::Host ports_{host_.ports()};
  PermitMint mint_{};
  unsigned nics_ = 0;
};

}  // namespace

TEST_CASE("simulated host: keeps what every provider promises of backups", "[sim][contract]") {
  contract::check_backups_contract([] { return std::make_unique<SimulatedProvider>(); });
}

TEST_CASE("simulated host: keeps what every hypervisor driver promises", "[sim][contract]") {
  contract::check_hypervisor_contract([] { return std::make_unique<SimulatedProvider>(); });
}
