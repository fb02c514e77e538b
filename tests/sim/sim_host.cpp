// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_host.hpp"

#include <algorithm>

namespace holdfast::sim {

using host::PowerState;

SimHost::SimHost(SimWorld& world, ManualClock& clock, std::uint64_t seed)
    : core_{world, clock, seed}, foreign_ids_{~seed} {
  clock.on_advance([this] {
    {
      const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
      core_.run_timers();
    }
    core_.deliver_events();
  });
}

SimHost::~SimHost() { core_.clock.on_advance({}); }

host::Host SimHost::ports() {
  return {.inventory = inventory_,
          .hypervisor = hypervisor_,
          .power = power_,
          .tuning = tuning_,
          .snapshots = snapshots_,
          .disks = disks_,
          .copies = disks_,
          .images = images_,
          .backups = &backups_};
}

Duration SimHost::until_next() const {
  if (core_.next_due == Duration::max()) return Duration::max();
  return std::max(Duration::zero(), core_.next_due - core_.clock.elapsed());
}

void SimHost::disconnect() {
  const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
  core_.changed = nullptr;
  core_.events.clear();
}

void SimHost::restart_provider(Duration away) {
  {
    const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
    core_.away_until = core_.clock.elapsed() + away;
    core_.is_back_announced = false;
    core_.next_due = std::min(core_.next_due, core_.away_until);
    core_.events.clear();
    core_.run_timers();
  }
  core_.deliver_events();
}

void SimHost::bring_provider_back() {
  {
    const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
    core_.away_until = core_.clock.elapsed();
    core_.next_due = core_.away_until;
    core_.run_timers();
  }
  core_.deliver_events();
}

void SimHost::lose_power() {
  for (auto& [uuid, domain] : core_.world.domains) {
    if (!domain.is_up()) continue;
    ++domain.outages;
    core_.world.end_run(domain, PowerState::stopped);
  }
  disconnect();
}

Uuid SimHost::plant_foreign_domain(const std::string& name, bool running) {
  SimDomain planted;
  planted.uuid = Uuid::random(foreign_ids_);
  planted.name = name;
  planted.is_foreign = true;
  planted.configured.memory = gibibytes(1);
  const Uuid uuid = planted.uuid;
  SimDomain& placed = core_.world.domains[uuid] = std::move(planted);
  if (running) core_.world.begin_run(placed);
  announce(uuid);
  return uuid;
}

void SimHost::remove_by_hand(const Uuid& uuid) {
  core_.world.domains.erase(uuid);
  announce(uuid);
}

void SimHost::start_by_hand(const Uuid& uuid) {
  SimDomain* domain = core_.world.domain(uuid);
  if (domain == nullptr || domain->is_up()) return;
  core_.world.begin_run(*domain);
  announce(uuid);
}

void SimHost::stop_by_hand(const Uuid& uuid) {
  SimDomain* domain = core_.world.domain(uuid);
  if (domain == nullptr || !domain->is_up()) return;
  ++domain->outages;
  core_.world.end_run(*domain, PowerState::stopped);
  announce(uuid);
}

void SimHost::crash_guest(const Uuid& uuid) {
  SimDomain* domain = core_.world.domain(uuid);
  if (domain == nullptr || !domain->is_up()) return;
  ++domain->outages;
  core_.world.end_run(*domain, PowerState::crashed);
  announce(uuid);
}

void SimHost::drift(const Uuid& uuid, const std::function<void(SimDomain&)>& edit) {
  SimDomain* domain = core_.world.domain(uuid);
  if (domain == nullptr) return;
  const auto visible = [&] {
    std::set<Token> seen;
    for (const host::Disk& disk : domain->configured.disks) {
      const auto data = core_.world.data_on(disk.path);
      seen.insert(data.begin(), data.end());
    }
    return seen;
  };
  const auto before = visible();
  edit(*domain);
  core_.world.touch(*domain);
  const auto after = visible();
  for (CustomerMark& mark : core_.world.marks) {
    if (before.count(mark.token) > 0 && after.count(mark.token) == 0) mark.may_hide = true;
  }
  announce(uuid);
}

void SimHost::announce(const Uuid& uuid) {
  {
    const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
    ++core_.world.version;
    core_.announce(Call::observe, uuid);
  }
  core_.deliver_events();
}

}  // namespace holdfast::sim
