// SPDX-License-Identifier: Apache-2.0
// Every operation on guests, with the real controller killed at every point it has: once,
// and again at the points of the recovery from that; the daemon alone, and with the power.
// Of the second deaths each third or fourth is taken, so that it stays within minutes.
// HOLDFAST_CRASH_EVERY=n takes each n-th, 1 all; HOLDFAST_CRASH_ONLY=name one operation.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/catch.hpp"
#include "tests/sim/campaign_operations.hpp"
#include "tests/sim/crash_enumeration.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

// Where all runs of one operation begin: made once, settled.
struct Beginning {
  Hub hub{};
  SavedScenario saved{};
};

std::shared_ptr<const Beginning> begin(const CampaignOperation& operation) {
  EngineSite site{1};
  site.world().add_image(EngineSite::image, gibibytes(4));
  site.want(operation.before);
  REQUIRE(site.scenario->settle());
  if (operation.prepare) {
    operation.prepare({*site.hub, *site.scenario});
    REQUIRE(site.scenario->settle());
  }
  REQUIRE(site.scenario->at_rest() == Breaches{});
  auto saved = site.scenario->save();
  return std::make_shared<const Beginning>(Beginning{*site.hub, std::move(saved)});
}

MakePlay play_of(const CampaignOperation& operation) {
  return [operation, beginning = begin(operation)] {
    EngineSite site{77, beginning->hub};
    site.scenario->load(beginning->saved);
    Play play;
    play.name = operation.name;
    play.may_stop_guests = operation.may_stop_guests;
    play.act = [hub = site.hub, act = operation.act](Scenario& scenario) { act({*hub, scenario}); };
    play.verdict = [is_done = operation.is_done](Scenario& scenario) {
      return is_done(scenario.world()) ? Breaches{} : Breaches{"it was not done"};
    };
    play.scenario = std::move(site.scenario);
    return play;
  };
}

std::size_t every(std::size_t usual) {
#ifdef HOLDFAST_IS_SLOW_BUILD
  usual = 50;
#endif
  const char* asked = std::getenv("HOLDFAST_CRASH_EVERY");
  return asked == nullptr ? usual : std::max<std::size_t>(1, std::strtoul(asked, nullptr, 10));
}

bool is_asked_for(const std::string& name) {
  const char* only = std::getenv("HOLDFAST_CRASH_ONLY");
  return only == nullptr || name == only;
}

void enumerate(const char* title, const Enumeration& how) {
  const auto began = std::chrono::steady_clock::now();
  CrashReport sum;
  std::size_t operations = 0;
  for (const CampaignOperation& operation : campaign_operations()) {
    if (!is_asked_for(operation.name)) continue;
    Enumeration this_way = how;
    this_way.every *= operation.rarer;
    this_way.same_end = !(how.power_too && operation.waits_for_stop);
    const auto report = enumerate_crashes(play_of(operation), this_way);
    std::printf("%-32s %4zu points, %6zu runs, %6zu deaths, %zu breaches\n", operation.name.c_str(),
                report.points, report.runs, report.deaths, report.breaches.size());
    std::fflush(stdout);
    CAPTURE(operation.name);
    CHECK(report.breaches == Breaches{});
    CHECK(report.points > 4);
    CHECK(report.deaths >= report.points);
    ++operations;
    sum.points += report.points;
    sum.runs += report.runs;
    sum.deaths += report.deaths;
    sum.breaches.insert(sum.breaches.end(), report.breaches.begin(), report.breaches.end());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%s: %zu operations, %zu points, %zu runs, %zu deaths, %zu breaches, %.1f s\n", title,
              operations, sum.points, sum.runs, sum.deaths, sum.breaches.size(), took.count());
}

}  // namespace

TEST_CASE("crash campaign: the daemon dies once and twice at every point of every operation",
          "[sim][campaign]") {
  Enumeration how;
  how.every = every(3);
  enumerate("the daemon dies", how);
}

TEST_CASE("crash campaign: the power fails once and twice at every point of every operation",
          "[sim][campaign]") {
  Enumeration how;
  how.power_too = true;
  how.every = every(4);
  enumerate("the power fails", how);
}
