// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

constexpr std::size_t views_kept = 4;

}  // namespace

const host::Inventory& SimInventory::present() {
  SimWorld& world = core_.world;
  if (version_ == world.version) return present_;
  host::Inventory fresh;
  fresh.guests.reserve(world.domains.size());
  for (auto& [uuid, domain] : world.domains) fresh.guests.push_back(world.observed(domain));
  if (fresh.guests != present_.guests) {
    old_.push_back(std::exchange(present_, std::move(fresh)));
    if (old_.size() > views_kept) old_.erase(old_.begin());
  }
  version_ = world.version;
  return present_;
}

Result<host::Inventory> SimInventory::observe_all() {
  return core_.read<Result<host::Inventory>>(Call::observe_all, [&]() -> Result<host::Inventory> {
    if (core_.faults.strikes(FaultKind::partial_list, Call::observe_all)) {
      return Error{Errc::unavailable, "only some guests could be listed"};
    }
    const host::Inventory& now = present();
    if (core_.faults.strikes(FaultKind::stale_list, Call::observe_all) && !old_.empty()) {
      return old_.front();
    }
    return now;
  });
}

Result<host::ObservedGuestPtr> SimInventory::observe(const Uuid& uuid) {
  using Answer = Result<host::ObservedGuestPtr>;
  return core_.read<Answer>(Call::observe, [&]() -> Answer {
    SimDomain* found = core_.world.domain(uuid);
    if (found == nullptr) return host::ObservedGuestPtr{};
    return core_.world.observed(*found);
  });
}

void SimInventory::on_change(std::function<void(const Uuid&)> changed) {
  const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
  core_.changed = std::move(changed);
}

}  // namespace holdfast::sim
