// SPDX-License-Identifier: Apache-2.0
#include "tests/drivers/proxmox/guest_under_orders.hpp"

// A disk that an order by its operators moves to another storage: the copy is in use, the source is
// kept for seven days.
using namespace holdfast;
using namespace holdfast::test;

namespace {

// Volume db is wanted on another target.
struct MisplacedVolume : GuestUnderOrders {
  explicit MisplacedVolume(const Kin& kin, bool is_pool_kept = false)
      : GuestUnderOrders{kin, is_pool_kept} {
    Guest acme = tenant("acme");
    acme.spec.volumes.front().target = "local";
    REQUIRE(host.want(acme));
    REQUIRE(host.condition("acme", "Blocked").reason == "NeedsSignature");
  }
  std::string moved() {
    std::string wrong = carried_out(gate::Verb::move_disk, "db local");
    if (!wrong.empty()) return wrong;
    if (!value_of(key()).starts_with("local:")) return "the volume is where it was";
    if (host.world().content_of(vmid, key()) != "their database") return "the copy is another";
    if (host.condition("acme", "Ready").status != ConditionStatus::yes) return "it is not ready";
    return {};
  }
  std::string all() {
    std::string wrong = moved();
    return wrong.empty() ? freed(2) : wrong;
  }
};

}  // namespace

TEST_CASE("proxmox disks: a signed move keeps the source for seven days", "[proxmox]") {
  const Kin kin = GENERATE(container_on_8, container_on_9, machine_on_8, machine_on_9);
  CAPTURE(to_string(kin));
  MisplacedVolume site{kin};
  CHECK(site.moved() == "");
  const GuestIdentity identity = *site.host.identity("acme");
  CHECK(identity.find_disk("db")->target == "local");
  // The guest itself says so, too: a journal that is lost is rebuilt from it.
  const auto observed = site.host.site.ports().inventory.observe(identity.uuid).value();
  CHECK(parse_identity(observed->marker->detail).value().find_disk("db")->target == "local");
}

TEST_CASE("proxmox disks: a root disk is moved, and its guest boots from it", "[proxmox]") {
  const Kin kin = GENERATE(container_on_9, machine_on_8);
  GuestUnderOrders site{kin};
  Guest acme = tenant("acme");
  acme.spec.root_disk.target = "local";
  REQUIRE(site.host.want(acme));
  const auto move = site.order(gate::Verb::move_disk, "root local");
  REQUIRE(site.host.settle("acme"));
  CHECK(site.job(move).state == JobState::done);
  const std::string root = site.is_container ? "rootfs" : "scsi0";
  CHECK(site.value_of(root).starts_with("local:"));
  CHECK(site.host.world().content_of(site.vmid, root) == "golden root");
  CHECK(site.host.at_host("acme")->power == standin::PowerState::running);
  CHECK(site.host.condition("acme", "Ready").status == ConditionStatus::yes);
}

TEST_CASE("proxmox disks: no request of a move lost or cut short loses or leaves anything",
          "[proxmox][crash]") {
  check_order_points<MisplacedVolume>(GENERATE(container_on_8, machine_on_9), "a moved disk");
}

TEST_CASE("proxmox disks: a stranger that takes over during a move is not touched",
          "[proxmox][crash][safety]") {
  check_order_takeovers<MisplacedVolume>(GENERATE(container_on_8, machine_on_9));
}
