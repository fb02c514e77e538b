// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "controller/host_conditions.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/sim/crash_enumeration.hpp"
#include "tests/sim/engine_daemon.hpp"
#include "tests/sim/engine_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

const ImageRef image{"debian-12", "1"};

Guest guest(const std::string& name) {
  Guest wanted;
  wanted.name = name;
  wanted.spec.image = image;
  wanted.spec.cpus = 2;
  wanted.spec.memory = gibibytes(1);
  wanted.spec.root_disk.size = gibibytes(8);
  wanted.spec.interfaces = {{"net0", Interface::Kind::user, "", "virtio"}};
  return wanted;
}

// From `before`, settled, to `after`, which each run of the play asks a hub of its own for.
MakePlay change(std::vector<std::unique_ptr<Hub>>& hubs, Resources before, Resources after,
                bool may_stop) {
  return [&hubs, before, after, may_stop] {
    hubs.push_back(std::make_unique<Hub>());
    Hub& hub = *hubs.back();
    Play play;
    play.name = "the controller";
    play.may_stop_guests = may_stop;
    play.scenario = std::make_unique<Scenario>(engine_for(hub), 9);
    play.scenario->world().add_image(image, gibibytes(4));
    hub.want(before, play.scenario->clock().now());
    play.act = [&hub, after](Scenario& scenario) { hub.want(after, scenario.clock().now()); };
    return play;
  };
}

Resources only(const Guest& wanted) {
  Resources resources;
  resources.guests = {wanted};
  return resources;
}

}  // namespace

TEST_CASE("simulated controller: makes three guests and is quiet for a week", "[sim]") {
  Hub hub;
  Scenario scenario{engine_for(hub), 3};
  scenario.world().add_image(image, gibibytes(4));
  Resources wanted;
  wanted.guests = {guest("acme"), guest("beta"), guest("gamma")};
  hub.want(wanted, scenario.clock().now());

  REQUIRE(scenario.settle());
  for (const char* name : {"acme", "beta", "gamma"}) {
    const SimDomain* made = scenario.world().find_by_name(name);
    REQUIRE(made != nullptr);
    CHECK(made->is_up());
    CHECK(made->configured.disks.at(0).size == gibibytes(8));
  }
  const std::size_t points = scenario.points();
  scenario.run_for(std::chrono::hours{24 * 7});
  CHECK(scenario.points() == points);
  CHECK(scenario.at_rest() == Breaches{});
  CHECK(scenario.breaches() == Breaches{});
}

TEST_CASE("simulated controller: a guest that waits for its image is made once it is there",
          "[sim]") {
  EngineSite site;
  site.want(only(guest("acme")));
  REQUIRE(site.scenario->settle());
  CHECK(site.world().find_by_name("acme") == nullptr);
  const std::size_t points = site.scenario->points();
  site.scenario->run_for(std::chrono::hours{1});
  CHECK(site.scenario->points() == points);
  site.world().add_image(image, gibibytes(4));
  site.scenario->run_for(std::chrono::minutes{2});
  CHECK(site.world().find_by_name("acme") != nullptr);
}

TEST_CASE("simulated controller: a recovery ends what was told of the lost journal", "[sim]") {
  EngineSite site;
  Journal& journal = site.engine().journal();
  REQUIRE(journal.commit([](Writes& writes) {
    return writes.put("host", {.type = std::string{journal_readable},
                               .status = ConditionStatus::no,
                               .reason = "SetAside",
                               .message = "it was kept as holdfast.db.unreadable",
                               .changed = {}});
  }));
  REQUIRE(site.engine().resume_work());
  CHECK(journal.mode().value() == DaemonMode::normal);
  bool is_over = false;
  for (const ConditionRecord& condition : journal.conditions("host").value())
    is_over =
        is_over || (condition.type == journal_readable && condition.status == ConditionStatus::yes);
  CHECK(is_over);
}

TEST_CASE("simulated controller: killed at every point it ends where it was going", "[sim]") {
  std::vector<std::unique_ptr<Hub>> hubs;
  Enumeration once;
  once.twice = false;
  CrashReport report;
  SECTION("while it makes a guest") {
    Resources two = only(guest("acme"));
    two.guests.push_back(guest("beta"));
    report = enumerate_crashes(change(hubs, only(guest("acme")), two, false), once);
  }
  SECTION("while it makes a guest and the power fails") {
    Resources two = only(guest("acme"));
    two.guests.push_back(guest("beta"));
    once.power_too = true;
    report = enumerate_crashes(change(hubs, only(guest("acme")), two, false), once);
  }
  SECTION("while it grows a guest") {
    Guest grown = guest("acme");
    grown.spec.cpus = 4;
    grown.spec.root_disk.size = gibibytes(12);
    grown.spec.volumes = {Volume{"db", gibibytes(2)}};
    report = enumerate_crashes(change(hubs, only(guest("acme")), only(grown), false), once);
  }
  SECTION("while it stops a guest") {
    Guest stopped = guest("acme");
    stopped.spec.power = Power::stopped;
    report = enumerate_crashes(change(hubs, only(guest("acme")), only(stopped), true), once);
  }
  CHECK(report.breaches == Breaches{});
  CHECK(report.points > 20);
  CHECK(report.deaths == report.points);
}
