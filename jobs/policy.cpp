// SPDX-License-Identifier: Apache-2.0
#include "jobs/policy.hpp"

#include <algorithm>

namespace holdfast::jobs {

signing::Demand demand_for(const std::string& action, const Policy& policy,
                           const signing::KeySet& keys, Time now) {
  signing::Demand demand{.name_space = signing::job_namespace, .now = now};
  const bool is_drastic = action == "keys.rotate" || action == "host.decommission";
  if (const auto own = policy.signers.find(action); own != policy.signers.end()) {
    demand.signers = own->second;
  } else {
    const auto usual = policy.signers.find("default");
    if (usual != policy.signers.end()) demand.signers = usual->second;
    if (is_drastic)
      demand.signers = std::max(demand.signers, keys.usable(signing::job_namespace, now) / 2 + 1);
  }
  if (action == "host.decommission") demand.presence = signing::Presence::touched_with_pin;
  return demand;
}

}  // namespace holdfast::jobs
