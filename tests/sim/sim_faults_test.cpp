// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>

#include "tests/catch.hpp"
#include "tests/sim/chaos.hpp"
#include "tests/sim/small_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;
using host::PowerState;

TEST_CASE("simulated faults: a lost answer is an error after the effect", "[sim]") {
  SmallSite site;
  const auto wanted = site.definition("acme");
  site.host.faults().script({FaultKind::answer_lost, Call::define});
  CHECK(site.ports.hypervisor.define(wanted).error().code() == Errc::unavailable);
  CHECK(site.world.domain(wanted.marker.uuid) != nullptr);

  site.host.faults().script({FaultKind::unavailable, Call::start, 1, 2});
  site.make_guest(wanted);
  REQUIRE(site.ports.power.start(wanted.marker.uuid));
  CHECK(site.ports.power.start(wanted.marker.uuid).error().code() == Errc::unavailable);
  CHECK(site.ports.power.start(wanted.marker.uuid).error().code() == Errc::unavailable);
  REQUIRE(site.ports.power.start(wanted.marker.uuid));
  CHECK(site.host.faults().struck() == 3);
}

TEST_CASE("simulated faults: a call that fails before its effect has none", "[sim]") {
  SmallSite site;
  const auto wanted = site.definition("acme");
  site.host.faults().script({FaultKind::unavailable, Call::define});
  CHECK(site.ports.hypervisor.define(wanted).error().code() == Errc::unavailable);
  CHECK(site.world.domains.empty());
  site.host.faults().script({FaultKind::exhausted, Call::create_blank});
  const std::string path = site.path_of(wanted.marker.uuid, "db");
  CHECK(site.ports.disks.create_blank(path, gibibytes(1)).error().code() == Errc::exhausted);
  CHECK(site.world.files.empty());
}

TEST_CASE("simulated faults: a listing is whole and old or it is an error", "[sim]") {
  SmallSite site;
  site.make_guest("acme");
  REQUIRE(site.ports.inventory.observe_all().value().guests.size() == 1);
  site.make_guest("beta");
  REQUIRE(site.ports.inventory.observe_all().value().guests.size() == 2);

  site.host.faults().script({FaultKind::partial_list});
  CHECK(site.ports.inventory.observe_all().error().code() == Errc::unavailable);
  site.host.faults().script({FaultKind::stale_list});
  CHECK(site.ports.inventory.observe_all().value().guests.size() < 2);
  CHECK(site.ports.inventory.observe_all().value().guests.size() == 2);
}

TEST_CASE("simulated faults: while the provider is away its guests run on", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  bool is_back = false;
  site.ports.inventory.on_change([&](const Uuid& which) { is_back = which.is_nil(); });

  site.host.restart_provider(std::chrono::seconds{30});
  CHECK(site.ports.inventory.observe_all().error().code() == Errc::unavailable);
  CHECK(site.ports.inventory.observe(uuid).error().code() == Errc::unavailable);
  CHECK(site.ports.power.power_off(uuid).error().code() == Errc::unavailable);
  // Files are not the hypervisor's.
  CHECK(site.ports.disks.find(site.path_of(uuid, "root")).value().has_value());
  site.host.advance(std::chrono::seconds{29});
  CHECK_FALSE(is_back);
  site.host.advance(std::chrono::seconds{1});
  CHECK(is_back);
  CHECK(site.power_of(uuid) == PowerState::running);
  CHECK(site.world.domain(uuid)->boots == 1);
}

TEST_CASE("simulated faults: an event can be lost", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  int events = 0;
  site.ports.inventory.on_change([&](const Uuid&) { ++events; });
  site.host.faults().script({FaultKind::event_lost});
  REQUIRE(site.ports.power.start(uuid));
  CHECK(events == 0);
  site.host.crash_guest(uuid);
  CHECK(events == 1);
  CHECK(site.power_of(uuid) == PowerState::crashed);
}

TEST_CASE("simulated faults: power loss stops guests and keeps files", "[sim]") {
  SmallSite site;
  const Uuid uuid = site.make_guest("acme");
  REQUIRE(site.ports.power.start(uuid));
  site.world.write_customer_data(uuid);
  site.host.lose_power();
  CHECK(site.power_of(uuid) == PowerState::stopped);
  CHECK(site.world.domain(uuid)->outages == 1);
  CHECK(site.world.domain(uuid)->stops_by_us == 0);
  CHECK(site.world.lost_customer_data().empty());
}

TEST_CASE("simulated faults: the daemon dies at the chosen point", "[sim]") {
  SmallSite site;
  const auto wanted = site.definition("acme");
  const std::string& path = wanted.shape.disks.at(0).path;
  CrashSwitch& crash = site.host.crash();

  SECTION("before an effect") {
    crash.arm(1);
    CHECK_THROWS_AS(site.ports.hypervisor.define(wanted), SimulatedCrash);
    CHECK(site.world.domains.empty());
  }
  SECTION("after an effect") {
    crash.arm(2);
    CHECK_THROWS_AS(site.ports.hypervisor.define(wanted), SimulatedCrash);
    CHECK(site.world.domains.size() == 1);
  }
  SECTION("in the middle of a transfer, which then starts over") {
    crash.arm(2);
    CHECK_THROWS_AS(site.ports.disks.restore(SmallSite::image, "root", path, {}), SimulatedCrash);
    CHECK(site.world.files.at(path + ".partial").is_partial);
    CHECK_FALSE(site.ports.disks.find(path).value().has_value());
    crash.revive();
    REQUIRE(site.ports.disks.restore(SmallSite::image, "root", path, {}));
    CHECK(site.world.files.size() == 1);
  }
  SECTION("and what it tries afterwards has no effect and is counted") {
    crash.arm(1);
    CHECK_THROWS_AS(site.ports.hypervisor.define(wanted), SimulatedCrash);
    CHECK_THROWS_AS(site.ports.hypervisor.define(wanted), SimulatedCrash);
    crash.bury();
    CHECK(site.ports.hypervisor.define(wanted).error().code() == Errc::unavailable);
    CHECK(site.world.domains.empty());
    CHECK(crash.effects_after_death() == 2);
    crash.revive();
    REQUIRE(site.ports.hypervisor.define(wanted));
  }
}

TEST_CASE("simulated faults: the same seed is the same run", "[sim]") {
  const auto run = [](std::uint64_t seed) {
    SmallSite site;
    for (const char* name : {"acme", "beta"}) site.make_guest(name);
    Chaos chaos{site.host, seed};
    chaos.worsen_calls(100'000);
    std::string log;
    for (int i = 0; i < 500; ++i) {
      chaos.maybe(3);
      for (auto& [uuid, domain] : site.world.domains) {
        if (domain.is_foreign) continue;
        const auto started = site.ports.power.start(uuid);
        log += started ? 's' : static_cast<char>('A' + static_cast<int>(started.error().code()));
        break;
      }
      log += std::to_string(site.world.domains.size());
      site.host.advance(std::chrono::seconds{10});
    }
    chaos.calm();
    CHECK(site.ports.inventory.observe_all());
    CHECK(site.world.offences.empty());
    return log;
  };
  const std::string once = run(11);
  CHECK(once == run(11));
  CHECK(once != run(12));
}
