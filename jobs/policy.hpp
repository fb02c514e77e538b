// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"
#include "signing/quorum.hpp"

namespace holdfast::jobs {

// How many operators each action takes: `signers` of agent.yaml, by action or "default".
struct Policy {
  std::map<std::string, std::uint32_t> signers{};
};

// What a job of `action` must carry. Where the policy does not say: one operator, and for
// changing the keys themselves or giving up the host more than half of those who may sign now.
// A token's PIN is demanded for host.decommission.
signing::Demand demand_for(const std::string& action, const Policy& policy,
                           const signing::KeySet& keys, Time now);

}  // namespace holdfast::jobs
