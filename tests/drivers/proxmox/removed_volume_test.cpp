// SPDX-License-Identifier: Apache-2.0
#include "tests/drivers/proxmox/guest_under_orders.hpp"

// A volume that an order by its operators takes out of a guest: kept for seven days as what Proxmox
// calls unused, then freed; whatever happens at any of the requests that it takes.
using namespace holdfast;
using namespace holdfast::test;

namespace {

// Nobody wants db any more.
struct UnwantedVolume : GuestUnderOrders {
  explicit UnwantedVolume(const Kin& kin, bool is_pool_kept = false)
      : GuestUnderOrders{kin, is_pool_kept} {
    Guest acme = tenant("acme");
    acme.spec.volumes.clear();
    REQUIRE(host.want(acme));
    REQUIRE(host.condition("acme", "Blocked").reason == "NeedsSignature");
  }
  std::string removed() {
    std::string wrong = carried_out(gate::Verb::remove_volume, "db");
    if (wrong.empty() && !value_of(key()).empty()) return "the volume is still attached";
    return wrong;
  }
  std::string all() {
    std::string wrong = removed();
    return wrong.empty() ? freed(1) : wrong;
  }
};

}  // namespace

TEST_CASE("proxmox volumes: a signed removal keeps the data for seven days", "[proxmox]") {
  const Kin kin = GENERATE(container_on_8, container_on_9, machine_on_8, machine_on_9);
  CAPTURE(to_string(kin));
  UnwantedVolume site{kin};
  CHECK(site.removed() == "");
  CHECK(site.host.condition("acme", "Ready").status == ConditionStatus::yes);

  // Wanted anew, it gets a new volume; the old one's data stays beside it.
  REQUIRE(site.host.want(tenant("acme")));
  CHECK(site.value_of(site.key()).find(site.volume) == std::string::npos);
  CHECK(site.value_of("unused0") == site.volume);
  CHECK(site.host.world().content_of(site.vmid, site.key()) == "");
  site.host.site.stand_in.advance(std::chrono::hours{24 * 8});
  REQUIRE(site.host.settle("acme"));
  CHECK(site.host.world().find_volume(site.volume) == nullptr);
  CHECK(site.host.world().volumes_of(site.vmid).size() == 2);
}

TEST_CASE("proxmox volumes: one that was set aside is freed early only on a signature",
          "[proxmox]") {
  UnwantedVolume site{container_on_8};
  REQUIRE(site.removed() == "");
  const std::string path = site.host.identity("acme")->aside.front().disk.path;
  // Somebody attached it again, by hand: it is theirs to say.
  auto& config = site.host.world().find_guest(site.vmid)->config;
  config.erase("unused0");
  config["mp3"] = site.volume + ",mp=/mnt/again,size=1G";
  const auto early = site.order(gate::Verb::free_set_aside, path);
  site.host.settle("acme");
  CHECK(site.job(early).state == JobState::failed);
  CHECK(site.host.world().find_volume(site.volume) != nullptr);

  config.erase("mp3");
  config["unused0"] = site.volume;
  const auto again = site.order(gate::Verb::free_set_aside, path);
  REQUIRE(site.host.settle("acme"));
  CHECK(site.job(again).state == JobState::done);
  CHECK(site.host.world().find_volume(site.volume) == nullptr);
}

TEST_CASE("proxmox volumes: what the API cannot do to a disk is refused, and says so",
          "[proxmox]") {
  UnwantedVolume site{machine_on_9};
  const auto shrink = site.order(gate::Verb::shrink_disk, "db 512Mi");
  const auto root = site.order(gate::Verb::remove_volume, "root");
  REQUIRE(site.host.settle("acme"));
  CHECK(site.job(shrink).code == "NotSupported");
  CHECK(site.job(root).code == "BadOrder");
  CHECK(site.value_of(site.key()).find(site.volume) == 0);
}

TEST_CASE("proxmox volumes: no request of a removal lost or cut short loses or leaves anything",
          "[proxmox][crash]") {
  check_order_points<UnwantedVolume>(GENERATE(container_on_8, machine_on_9), "a removed volume");
}

TEST_CASE("proxmox volumes: a stranger that takes over during a removal is not touched",
          "[proxmox][crash][safety]") {
  check_order_takeovers<UnwantedVolume>(GENERATE(container_on_8, machine_on_9));
}
