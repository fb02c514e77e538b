// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

using host::PowerState;

// A hypervisor refuses to start a guest whose files it cannot open.
Result<void> ensure_files(const SimWorld& world, const SimDomain& domain) {
  for (const host::Disk& disk : domain.configured.disks) {
    if (world.files.count(disk.path) == 0) {
      return Error{Errc::unavailable, "cannot open " + disk.path};
    }
    TRY(parse_path(world, disk.path));
  }
  const std::string& seed = domain.configured.seed_path;
  if (!seed.empty() && world.files.count(seed) == 0) {
    return Error{Errc::unavailable, "cannot open " + seed};
  }
  return ok();
}

Error not_running(const SimDomain& domain) {
  return Error{Errc::conflict, domain.name + " is not running"};
}

}  // namespace

Result<void> SimPower::start(const Uuid& uuid) {
  return core_.change(Call::start, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::start, uuid));
    if (domain.power == PowerState::suspended) {
      return Error{Errc::conflict, domain.name + " is suspended"};
    }
    if (domain.is_up()) return ok();
    TRY(ensure_files(core_.world, domain));
    core_.world.begin_run(domain);
    core_.announce(Call::start, uuid);
    return ok();
  });
}

Result<void> SimPower::request_stop(const Uuid& uuid) {
  return core_.change(Call::request_stop, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::request_stop, uuid));
    if (!domain.is_up() || domain.on_stop.ignores || domain.stop_due) return ok();
    domain.stop_due = core_.clock.elapsed() + domain.on_stop.takes;
    core_.next_due = std::min(core_.next_due, *domain.stop_due);
    return ok();
  });
}

Result<void> SimPower::power_off(const Uuid& uuid) {
  return core_.change(Call::power_off, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::power_off, uuid));
    if (!domain.is_up()) return ok();
    ++domain.stops_by_us;
    core_.world.end_run(domain, PowerState::stopped);
    core_.announce(Call::power_off, uuid);
    return ok();
  });
}

Result<void> SimPower::suspend(const Uuid& uuid) {
  return core_.change(Call::suspend, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::suspend, uuid));
    if (!domain.is_up()) return not_running(domain);
    if (domain.power == PowerState::suspended) return ok();
    domain.power = PowerState::suspended;
    core_.world.touch(domain);
    core_.announce(Call::suspend, uuid);
    return ok();
  });
}

Result<void> SimPower::resume(const Uuid& uuid) {
  return core_.change(Call::resume, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::resume, uuid));
    if (!domain.is_up()) return not_running(domain);
    if (domain.power != PowerState::suspended) return ok();
    domain.power = PowerState::running;
    // A request to stop that it slept through is seen now.
    if (domain.stop_due) core_.next_due = std::min(core_.next_due, *domain.stop_due);
    core_.world.touch(domain);
    core_.announce(Call::resume, uuid);
    return ok();
  });
}

}  // namespace holdfast::sim
