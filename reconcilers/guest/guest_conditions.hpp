// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "reconcilers/guest/guest_plan.hpp"

namespace holdfast {

// All conditions of a guest, as the finished plan `plan` of `facts` sees them. Pure; holds
// no times, so that the same situation reads the same and is not written again.
// Types: Ready, Progressing, Blocked, PendingRestart, Missing, Oscillating, Observed,
// Accepted, Supported.
std::vector<PlannedCondition> conditions_of(const GuestFacts& facts, const GuestPlan& plan);

// What of `wanted` `written` does not say already, as rows to be put.
std::vector<ConditionRecord> changed_conditions(const std::vector<PlannedCondition>& wanted,
                                                const std::vector<ConditionRecord>& written,
                                                std::uint64_t generation);

}  // namespace holdfast
