// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/chaos.hpp"

#include <string>
#include <vector>

namespace holdfast::sim {

void Chaos::worsen_calls(unsigned per_million) {
  for (const FaultKind kind :
       {FaultKind::unavailable, FaultKind::answer_lost, FaultKind::exhausted, FaultKind::stale_list,
        FaultKind::partial_list, FaultKind::event_lost, FaultKind::image_gone}) {
    host_.faults().set_rate(kind, per_million);
  }
}

void Chaos::strike() {
  SimDomain* ours = pick(true);
  switch (random_.below(9)) {
    case 0:
    case 1: return bother_stranger();
    case 2: return host_.restart_provider(std::chrono::seconds{1 + random_.below(300)});
    case 3: {
      SimTarget& target = host_.world().targets.begin()->second;
      target.is_full = !target.is_full;
      return;
    }
    case 4:
      if (random_.one_in(4)) host_.lose_power();
      return;
    case 5:
      if (ours != nullptr) host_.crash_guest(ours->uuid);
      return;
    case 6:
      if (ours != nullptr) host_.stop_by_hand(ours->uuid);
      return;
    case 7:
      if (ours != nullptr) ours->on_stop.ignores = !ours->on_stop.ignores;
      return;
    default:
      if (ours != nullptr) edit_ours(*ours);
      return;
  }
}

void Chaos::calm() {
  host_.faults().calm();
  for (auto& [name, target] : host_.world().targets) {
    target.is_full = false;
    target.is_present = true;
  }
  host_.bring_provider_back();
}

SimDomain* Chaos::pick(bool ours) {
  std::vector<SimDomain*> candidates;
  for (auto& [uuid, domain] : host_.world().domains) {
    if (domain.is_foreign != ours) candidates.push_back(&domain);
  }
  return candidates.empty() ? nullptr : candidates[random_.below(candidates.size())];
}

void Chaos::bother_stranger() {
  SimDomain* stranger = pick(false);
  switch (stranger == nullptr ? 0 : random_.below(4)) {
    case 0: {
      const std::string name = "stranger-" + std::to_string(++strangers_);
      if (host_.world().find_by_name(name) == nullptr) host_.plant_foreign_domain(name);
      return;
    }
    case 1: return host_.remove_by_hand(stranger->uuid);
    case 2: return host_.start_by_hand(stranger->uuid);
    default: return host_.stop_by_hand(stranger->uuid);
  }
}

void Chaos::edit_ours(SimDomain& guest) {
  const auto which = random_.below(4);
  if (which == 0 && !guest.is_up()) return host_.remove_by_hand(guest.uuid);
  host_.drift(guest.uuid, [&](SimDomain& domain) {
    switch (which) {
      case 1: domain.configured.cpus = 1 + static_cast<unsigned>(random_.below(8)); return;
      case 2: domain.configured.memory = mebibytes(128 + random_.below(2048)); return;
      default: domain.configured.nics.clear(); return;
    }
  });
}

}  // namespace holdfast::sim
