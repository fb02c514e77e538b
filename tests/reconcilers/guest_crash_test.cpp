// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "tests/catch.hpp"
#include "tests/reconcilers/guest_daemon.hpp"
#include "tests/sim/crash_enumeration.hpp"

// Every operation, killed at every point it has: once, and again at every point of the
// recovery from that. It must end as if nothing had happened.

using namespace holdfast;
using namespace holdfast::test;

namespace {

struct Act {
  std::string name{};
  std::function<void(CrashSite&, sim::Scenario&)> prepare{};  // settled before the act
  std::function<void(CrashSite&, sim::Scenario&)> act{};
  bool may_stop_guests = false;
  bool waits_for_stop = false;  // so it ends otherwise when the machine loses power
};

void want_acme(CrashSite& site, sim::Scenario&) { site.desk.want(small("acme")); }

// An act that changes the spec of a guest that runs.
std::function<void(CrashSite&, sim::Scenario&)> edit(std::function<void(GuestSpec&)> change) {
  return [change](CrashSite& site, sim::Scenario&) {
    Guest guest = small("acme");
    change(guest.spec);
    site.desk.want(guest);
  };
}

GuestIdentity identity_in(sim::Scenario& scenario, Life life) {
  for (const Provenance& row : scenario.daemon().journal().all_provenance().value())
    if (row.life == life) return parse_identity(row.detail).value();
  throw std::runtime_error{"no guest of that life"};
}

gate::Authority sign(CrashSite& site, sim::Scenario& scenario, gate::Verb verb,
                     const std::string& object = {}) {
  const GuestIdentity identity = identity_in(scenario, Life::live);
  gate::SignedOrder order;
  order.verb = verb;
  order.uuid = identity.uuid;
  order.expires = scenario.clock().now() + std::chrono::hours{48};
  order.object = object;
  const auto authority = gate::AuthorityIssuer::issue(order);
  site.signatures.add(authority);
  scenario.world().sign(verb, identity.uuid, identity.incarnation);
  return authority;
}

void destroy(CrashSite& site, sim::Scenario& scenario) {
  const auto authority = sign(site, scenario, gate::Verb::destroy_guest);
  site.orders.add("guest.destroy", [authority](GuestReconciler& guests) {
    return guests.begin_destroy("acme", authority);
  });
}

void prepare_tombstone(CrashSite& site, sim::Scenario& scenario) {
  want_acme(site, scenario);
  scenario.settle();
  site.desk.drop("acme");
  scenario.settle();
  destroy(site, scenario);
}

void prepare_snapshot(CrashSite& site, sim::Scenario& scenario) {
  want_acme(site, scenario);
  scenario.settle();
  site.orders.add("guest.snapshot",
                  [](GuestReconciler& guests) { return guests.begin_snapshot("acme", "before"); });
}

std::vector<Act> acts() {
  Volume media;
  media.name = "media";
  media.size = gibibytes(3);
  return {
      {"create", {}, want_acme},
      {"create two",
       {},
       [](CrashSite& site, sim::Scenario&) {
         site.desk.want(small("acme"));
         site.desk.want(small("bolt"));
       }},
      {"stop", want_acme, edit([](GuestSpec& s) { s.power = Power::stopped; }), true},
      {"suspend", want_acme, edit([](GuestSpec& s) { s.power = Power::suspended; })},
      {"start", edit([](GuestSpec& s) { s.power = Power::stopped; }), edit([](GuestSpec&) {})},
      {"resume", edit([](GuestSpec& s) { s.power = Power::suspended; }), edit([](GuestSpec&) {})},
      {"resize", want_acme, edit([](GuestSpec& s) {
         s.cpus = 4;
         s.memory = gibibytes(1);
         s.limits.cpu_shares = 10;
       })},
      {"resize declined", want_acme, edit([](GuestSpec& s) {
         s.cpus = 1;
         s.memory = gibibytes(64);
       }),
       false, true},
      {"grow disk", want_acme, edit([](GuestSpec& s) { s.root_disk.size = gibibytes(32); })},
      {"add volume", want_acme, edit([media](GuestSpec& s) { s.volumes.push_back(media); })},
      {"change interfaces", want_acme, edit([](GuestSpec& s) {
         s.interfaces[0].source = "br1";
         s.interfaces.push_back({"lan", Interface::Kind::network, "default"});
       }),
       false, true},
      {"change bootstrap", want_acme,
       edit([](GuestSpec& s) { s.bootstrap.user_data = "#cloud-config\nx: 1\n"; })},
      {"apply", want_acme, edit([](GuestSpec& s) { s.backup_policy = "nightly"; })},
      {"redefine", want_acme,
       [](CrashSite&, sim::Scenario& scenario) {
         scenario.host().remove_by_hand(identity_in(scenario, Life::live).uuid);
       },
       true},
      {"destroy", want_acme, destroy, true},
      {"undelete", prepare_tombstone,
       [](CrashSite& site, sim::Scenario&) {
         site.orders.add("guest.undelete",
                         [](GuestReconciler& guests) { return guests.begin_undelete("acme"); });
         site.desk.want(small("acme"));
       }},
      {"free tombstone", prepare_tombstone,
       [](CrashSite&, sim::Scenario& scenario) { let_a_week_pass(scenario); }},
      {"snapshot", want_acme,
       [](CrashSite& site, sim::Scenario&) {
         site.orders.add("guest.snapshot", [](GuestReconciler& guests) {
           return guests.begin_snapshot("acme", "before");
         });
       }},
      {"roll back", prepare_snapshot,
       [](CrashSite& site, sim::Scenario& scenario) {
         const auto authority = sign(site, scenario, gate::Verb::roll_back_snapshot, "before");
         site.orders.add("guest.roll-back", [authority](GuestReconciler& guests) {
           return guests.begin_roll_back("acme", "before", authority);
         });
       },
       true},
  };
}

sim::MakePlay play_of(const Act& act) {
  return [act]() {
    auto site = std::make_shared<CrashSite>();
    sim::Play play;
    play.name = act.name;
    play.scenario = CrashSite::scenario(site);
    play.may_stop_guests = act.may_stop_guests;
    if (act.prepare) {
      play.scenario->settle();
      act.prepare(*site, *play.scenario);
    }
    play.act = [site, act](sim::Scenario& scenario) { act.act(*site, scenario); };
    return play;
  };
}

void enumerate(const sim::Enumeration& how, const char* title) {
  std::size_t points = 0;
  std::size_t runs = 0;
  for (const Act& act : acts()) {
    if (how.power_too && act.waits_for_stop) continue;
    const auto report = sim::enumerate_crashes(play_of(act), how);
    CAPTURE(act.name);
    CHECK(report.breaches == sim::Breaches{});
    CHECK(report.points > 4);
    CHECK(report.deaths >= report.points);
    points += report.points;
    runs += report.runs;
  }
  std::printf("%s: %zu points of %zu operations, %zu runs\n", title, points, acts().size(), runs);
}

}  // namespace

TEST_CASE("crash: every guest operation survives a death at each of its points", "[crash]") {
  sim::Enumeration once;
  once.twice = false;
  enumerate(once, "killed once");
}

TEST_CASE("crash: every guest operation survives a power loss at each of its points",
          "[crash][power]") {
  sim::Enumeration once;
  once.twice = false;
  once.power_too = true;
  enumerate(once, "power lost once");
}

TEST_CASE("crash: every guest operation survives a second death while it recovers",
          "[crash][twice]") {
  sim::Enumeration twice;
  twice.every = 20;  // all of them take minutes
  enumerate(twice, "killed twice");
}
