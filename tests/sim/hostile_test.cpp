// SPDX-License-Identifier: Apache-2.0
// Hostile hubs, one a seed, against guests with marked customer data: whatever is sent, no
// byte of it is lost, no stranger's guest is touched, nothing is destroyed; and an honest
// state afterwards converges. HOLDFAST_SEEDS=n, HOLDFAST_SEED=n.
#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "reconcilers/guest/guest_identity.hpp"
#include "tests/sim/chaos.hpp"
#include "tests/sim/engine_site.hpp"
#include "tests/sim/hostile_hub.hpp"
#include "tests/sim/seeds.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

constexpr std::uint64_t usual_seeds = 10'000;

struct Beginning {
  Resources honest{};
  Hub hub{};
  SavedScenario saved{};
};

struct Totals {
  std::size_t sent = 0;
  std::size_t parsed = 0;
  std::size_t accepted = 0;
  std::size_t deaths = 0;
  std::size_t marks = 0;
  std::size_t refusals = 0;
};

Resources honest_guests(std::size_t count) {
  static const std::array<const char*, 4> names{"acme", "beta", "gamma", "delta"};
  Resources resources;
  for (std::size_t i = 0; i < count; ++i) {
    Guest guest = small_guest(names.at(i));
    if (i % 2 == 0)
      guest.spec.volumes = {Volume{"db", gibibytes(2)}, Volume{"media", gibibytes(4)}};
    if (i == 1) guest.spec.bootstrap.user_data = "#cloud-config\n{}";
    resources.guests.push_back(guest);
  }
  return resources;
}

Beginning begin(std::size_t count) {
  EngineSite site{1'000 + count};
  site.world().add_image(EngineSite::image, gibibytes(4));
  site.world().add_image({"debian-12", "2"}, gibibytes(4));
  site.world().add_image({"other", "1"}, gibibytes(2));
  site.world().targets["nvme"] = SimTarget{"/sim/nvme"};
  site.scenario->host().plant_foreign_domain("stranger-0");
  Beginning made;
  made.honest = honest_guests(count);
  site.want(made.honest);
  if (!site.scenario->settle() || site.world().marks.empty())
    throw std::runtime_error{"the beginning is not settled"};
  made.saved = site.scenario->save();
  made.hub = *site.hub;
  return made;
}

// Names are unique at the provider.
void plant(Scenario& scenario, const std::string& name) {
  if (scenario.world().find_by_name(name) == nullptr) scenario.host().plant_foreign_domain(name);
}

void something_happens(Scenario& scenario, SeededRandom& random, unsigned& strangers) {
  switch (random.below(8)) {
    case 0: scenario.die_at({1 + random.below(60)}); return;
    case 1: scenario.die_at({1 + random.below(60), 1 + random.below(30)}); return;
    case 2: scenario.host().restart_provider(std::chrono::seconds{1 + random.below(300)}); return;
    case 3: plant(scenario, "stranger-" + std::to_string(++strangers)); return;
    case 4:
      // Where a guest of ours might be made next.
      plant(scenario, "new-" + std::to_string(1 + random.below(3)));
      return;
    case 5: Chaos{scenario.host(), random.next()}.strike(); return;
    default: return;
  }
}

// What an honest operator would write for the guests as they are: all that was grown and
// added stays, and nothing else remains of what the hostile hub said.
Resources honest_again(Scenario& scenario, const Resources& honest) {
  Resources wanted;
  for (const Provenance& row : scenario.daemon().journal().all_provenance().value()) {
    if (row.life != Life::live) continue;
    const auto identity = parse_identity(row.detail).value();
    Guest guest = small_guest(identity.name);
    for (const Guest& known : honest.guests)
      if (known.name == identity.name) guest = known;
    guest.spec.image = identity.image;
    guest.spec.volumes.clear();
    for (const DiskIdentity& disk : identity.disks) {
      const Bytes size = scenario.world().files.at(disk.active).size;
      if (disk.name == "root")
        guest.spec.root_disk = {size, disk.target};
      else
        guest.spec.volumes.push_back({disk.name, size, VolumeClass::hot, disk.target});
    }
    wanted.guests.push_back(guest);
  }
  return wanted;
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
      broken.push_back(guest.name + " is not converged: " + describe(action.action) + ": " +
                       action.reason);
    if (!plan->blocked.empty()) broken.push_back(guest.name + ": " + plan->blocked_by);
    const SimDomain* domain = site.world().find_by_name(guest.name);
    if (domain == nullptr || domain->power != host::PowerState::running)
      broken.push_back(guest.name + " does not run");
  }
  return broken;
}

// Nothing may be asked to go away but what a failed creation had made itself.
Breaches destroyed_unasked(const SimWorld& world) {
  Breaches broken;
  for (const Destroyed& effect : world.destroyed)
    if (effect.verb != gate::Verb::remove_unfinished)
      broken.push_back("destroyed: " + std::string{to_string(effect.verb)} + " " + effect.object);
  return broken;
}

void be_hostile(EngineSite& site, HostileHub& hostile, SeededRandom& random) {
  Scenario& scenario = *site.scenario;
  unsigned strangers = 0;
  for (auto messages = 3 + random.below(6); messages > 0; --messages) {
    hostile.send(*site.hub, scenario.clock().now());
    something_happens(scenario, random, strangers);
    scenario.attempt(
        [](Daemon& daemon) { dynamic_cast<EngineDaemon&>(daemon).engine().wake_host(); });
    scenario.run_for(std::chrono::seconds{1 + random.below(240)});
  }
  scenario.die_at({});
}

Breaches play(std::uint64_t seed, const Beginning& beginning, Totals& totals) {
  SeededRandom random{seed};
  EngineSite site{random.next(), beginning.hub};
  Scenario& scenario = *site.scenario;
  scenario.load(beginning.saved);
  HostileHub hostile{random.next(), beginning.honest};
  be_hostile(site, hostile, random);

  Chaos{scenario.host(), 1}.calm();
  // A field that others changed again and again is only reported for a day.
  scenario.host().advance(std::chrono::hours{25});
  scenario.restart_daemon();
  const auto accepted = scenario.daemon().journal().accepted().value();
  if (accepted && accepted->generation > 1) ++totals.accepted;
  Breaches broken;
  const Resources wanted = honest_again(scenario, beginning.honest);
  // States without an envelope were numbered by the controller, past the hub's own count.
  const std::uint64_t newest =
      std::max(site.hub->generation(), accepted ? accepted->generation : 0);
  site.hub->send(
      {with_envelope(wanted, site.hub->host_id(), newest + 1, scenario.clock().now()), true});
  site.engine().wake_host();
  if (!scenario.settle()) broken.push_back("an honest state does not settle");
  scenario.at_rest();
  const auto add = [&](const Breaches& more) {
    broken.insert(broken.end(), more.begin(), more.end());
  };
  add(scenario.breaches());
  add(not_converged(site, wanted));
  add(destroyed_unasked(site.world()));
  if (wanted.guests.size() < beginning.honest.guests.size()) broken.push_back("a guest is gone");

  totals.sent += hostile.sent();
  totals.parsed += hostile.parsed();
  totals.deaths += scenario.deaths();
  totals.marks += site.world().marks.size();
  for (const AuditEntry& entry : scenario.daemon().journal().audit_tail(10'000).value())
    totals.refusals += entry.kind == "refusal" ? 1U : 0U;
  return broken;
}

}  // namespace

int main() {
  const std::array<Beginning, 3> beginnings{begin(2), begin(3), begin(4)};
  Totals totals;
  const int code = run_seeds("hostile desired states", usual_seeds, [&](std::uint64_t seed) {
    return play(seed, beginnings.at(seed % beginnings.size()), totals);
  });
  std::printf(
      "%zu messages, %zu of them well-formed, %zu hosts took one, %zu refusals by the gate, "
      "%zu deaths of the daemon, %zu pieces of customer data\n",
      totals.sent, totals.parsed, totals.accepted, totals.refusals, totals.deaths, totals.marks);
  return code;
}
