// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

#include "tests/catch.hpp"
#include "tests/drivers/libvirt/libvirt_world.hpp"

// libvirt's own test driver: in this process, no daemon.
namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;
constexpr const char* test_uri = "test:///default";

TEST_CASE("libvirt test driver: it keeps the hypervisor contract", "[libvirt][contract]") {
  contract::check_hypervisor_contract([] { return std::make_unique<LibvirtWorld>(test_uri); });
}

TEST_CASE("libvirt: a pass over unchanged guests is one bulk call", "[libvirt]") {
  LibvirtWorld world{test_uri};
  for (const char* name : {"one", "two", "three"}) {
    REQUIRE(world.hypervisor().define(world.definition(name)));
  }
  // Events of the definitions may still come in and call for a reading.
  REQUIRE(world.wait_until([&] {
    auto before = world.host().calls();
    const auto first = world.inventory().observe_all().value();
    auto after = world.host().calls();
    return after["virDomainGetXMLDesc"] == before["virDomainGetXMLDesc"];
  }));
  auto before = world.host().calls();
  const auto first = world.inventory().observe_all().value();
  const auto second = world.inventory().observe_all().value();
  auto after = world.host().calls();
  CHECK(first.guests == second.guests);  // the same objects
  CHECK(after["virConnectGetAllDomainStats"] == before["virConnectGetAllDomainStats"] + 2);
  after.erase("virConnectGetAllDomainStats");
  before.erase("virConnectGetAllDomainStats");
  CHECK(after == before);
}

TEST_CASE("libvirt: what an administrator changes is told and seen", "[libvirt]") {
  LibvirtWorld world{test_uri};
  std::atomic<bool> told{false};
  const auto definition = world.definition("acme");
  const Uuid uuid = definition.marker.uuid;
  REQUIRE(world.hypervisor().define(definition));
  world.inventory().on_change([&](const Uuid& changed) {
    if (changed == uuid) told = true;
  });
  const auto domain = world.find(uuid);
  REQUIRE(domain);
  REQUIRE(virDomainCreate(domain.get()) == 0);
  CHECK(world.wait_until([&] { return told.load(); }));
  const auto guest = world.inventory().observe(uuid).value();
  CHECK(guest->power == host::PowerState::running);
  world.inventory().on_change(nullptr);
}

TEST_CASE("libvirt: a domain with another guest's marker is a conflict", "[libvirt]") {
  LibvirtWorld world{test_uri};
  const auto definition = world.definition("acme");
  const Uuid uuid = definition.marker.uuid;
  REQUIRE(world.hypervisor().define(definition));
  const auto domain = world.find(uuid);
  const std::string other =
      "<guest uuid='00000000-0000-4000-8000-000000000001' incarnation='1' name='x'/>";
  REQUIRE(virDomainSetMetadata(domain.get(), VIR_DOMAIN_METADATA_ELEMENT, other.c_str(), "holdfast",
                               "https://holdfast.dev/xmlns/guest/1",
                               VIR_DOMAIN_AFFECT_CONFIG) == 0);
  const auto started = world.power().start(uuid);
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == Errc::conflict);
  CHECK(world.hypervisor().define(definition).error().code() == Errc::conflict);
  // It is reported with the marker that it carries.
  CHECK(world.inventory().observe(uuid).value()->marker->uuid != uuid);
}

TEST_CASE("libvirt: a missing disk file is a problem of that guest alone", "[libvirt]") {
  LibvirtWorld world{test_uri};
  const auto broken = world.definition("broken");
  const auto whole = world.definition("whole");
  REQUIRE(world.hypervisor().define(broken));
  REQUIRE(world.hypervisor().define(whole));
  std::filesystem::remove(broken.shape.disks.front().path);
  const auto all = world.inventory().observe_all().value();
  const auto find = [&](const Uuid& uuid) {
    return *std::find_if(all.guests.begin(), all.guests.end(),
                         [&](const auto& guest) { return guest->uuid == uuid; });
  };
  CHECK(find(broken.marker.uuid)->problem.find("root") != std::string::npos);
  CHECK(find(broken.marker.uuid)->marker);
  CHECK(find(whole.marker.uuid)->problem.empty());
}

TEST_CASE("libvirt: with the daemon away everything is unavailable at once", "[libvirt]") {
  const SystemClock clock;
  Options options;
  options.uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
  const auto host = LibvirtHost::open(options, clock);
  REQUIRE(host);
  CHECK_FALSE((*host)->is_connected());
  const auto all = (*host)->inventory().observe_all();
  REQUIRE_FALSE(all);
  CHECK(all.error().code() == Errc::unavailable);
  CHECK((*host)->inventory().observe(Uuid{}).error().code() == Errc::unavailable);
  CHECK((*host)->power().start(Uuid{}).error().code() == Errc::unavailable);
}

}  // namespace
}  // namespace holdfast::libvirt
