// SPDX-License-Identifier: Apache-2.0
// Honest desired states on a bad day, one a seed: calls fail, guests crash, others edit them,
// the daemon dies, the power fails. Once that is over the host must have converged within
// three resyncs, and write nothing in the ten after. HOLDFAST_SEEDS=n, HOLDFAST_SEED=n.
#include "tests/sim/chaos.hpp"

#include <stdexcept>

#include "tests/sim/engine_site.hpp"
#include "tests/sim/seeds.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

constexpr std::uint64_t usual_seeds = 2'000;
constexpr Duration resync = std::chrono::seconds{66};  // with all of its jitter

struct Beginning {
  Resources wanted{};
  Hub hub{};
  SavedScenario saved{};
};

Beginning begin() {
  EngineSite site{1'000};
  site.world().add_image(EngineSite::image, gibibytes(4));
  site.scenario->host().plant_foreign_domain("stranger");
  Beginning made;
  made.wanted.guests = {small_guest("acme"), small_guest("beta"), small_guest("gamma")};
  made.wanted.guests.front().spec.volumes = {Volume{"db", gibibytes(2)}};
  site.want(made.wanted);
  if (!site.scenario->settle()) throw std::runtime_error{"the beginning is not settled"};
  made.saved = site.scenario->save();
  made.hub = *site.hub;
  return made;
}

// One edit that an operator might make.
void edit(Resources& wanted, SeededRandom& random) {
  GuestSpec& spec = wanted.guests[random.below(wanted.guests.size())].spec;
  switch (random.below(9)) {
    case 0: spec.cpus = 1 + static_cast<unsigned>(random.below(8)); return;
    case 1: spec.memory = mebibytes(256 + random.below(8) * 256); return;
    case 2: spec.root_disk.size.value += gibibytes(1).value; return;
    case 3: spec.limits.cpu_shares = static_cast<std::uint32_t>(100 + random.below(900)); return;
    case 4:
      if (spec.volumes.size() > 2) return;
      spec.volumes.push_back({"v" + std::to_string(spec.volumes.size()), gibibytes(1)});
      return;
    case 5:
    case 6: spec.power = static_cast<Power>(random.below(3)); return;
    case 7: {
      const std::string name = "net" + std::to_string(spec.interfaces.size());
      if (spec.interfaces.size() > 2)
        spec.interfaces.resize(1);
      else
        spec.interfaces.push_back({name, Interface::Kind::bridge, "br0", "virtio"});
      return;
    }
    default:
      if (wanted.guests.size() < 5)
        wanted.guests.push_back(small_guest("new" + std::to_string(wanted.guests.size())));
      return;
  }
}

void bad_day(EngineSite& site, Resources& wanted, SeededRandom& random) {
  Scenario& scenario = *site.scenario;
  Chaos chaos{scenario.host(), random.next()};
  scenario.lose_power_with_daemon(random.one_in(4));
  chaos.worsen_calls(static_cast<unsigned>(random.below(100'000)));
  for (auto rounds = 4 + random.below(8); rounds > 0; --rounds) {
    if (random.one_in(2)) {
      edit(wanted, random);
      site.want(wanted);
    }
    if (random.one_in(3)) scenario.die_at({1 + random.below(80), 1 + random.below(40)});
    chaos.maybe(2);
    scenario.run_for(std::chrono::seconds{1 + random.below(200)});
  }
  scenario.die_at({});
  // What others change too often in a day is only reported, and that day must be over.
  scenario.host().advance(std::chrono::hours{25});
  scenario.run_for(std::chrono::minutes{5});
  chaos.calm();
}

Breaches not_converged(EngineSite& site, const Resources& wanted) {
  Breaches broken;
  for (const Guest& guest : wanted.guests) {
    const auto plan = site.engine().guests().plan(guest.name);
    if (!plan) {
      broken.push_back(guest.name + " cannot be planned: " + plan.error().describe());
      continue;
    }
    for (const PlannedAction& action : plan->actions)
      broken.push_back(guest.name + " is not converged: " + describe(action.action));
    if (!plan->blocked.empty()) broken.push_back(guest.name + ": " + plan->blocked_by);
  }
  return broken;
}

Breaches play(std::uint64_t seed, const Beginning& beginning) {
  SeededRandom random{seed};
  EngineSite site{random.next(), beginning.hub};
  Scenario& scenario = *site.scenario;
  scenario.load(beginning.saved);
  Resources wanted = beginning.wanted;
  bad_day(site, wanted, random);

  scenario.run_for(3 * resync);
  Breaches broken = not_converged(site, wanted);
  const std::size_t points = scenario.points();
  scenario.run_for(10 * resync);
  if (scenario.points() != points)
    broken.push_back("wrote " + std::to_string(scenario.points() - points) +
                     " times after it had converged");
  scenario.at_rest();
  broken.insert(broken.end(), scenario.breaches().begin(), scenario.breaches().end());
  return broken;
}

}  // namespace

int main() {
  const Beginning beginning = begin();
  return run_seeds("chaos", usual_seeds, [&](std::uint64_t seed) { return play(seed, beginning); });
}
