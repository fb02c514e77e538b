// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "journal/operation.hpp"
#include "journal/records.hpp"
#include "reconcilers/guest/guest_plan.hpp"

namespace holdfast {

// How long a tombstone's disks are kept.
struct Keeping {
  Time until{};
  Duration unwitnessed{};  // by which that is later, or earlier, than seven days by the wall clock
};

// What is known when somebody asks why.
struct Situation {
  std::string name{};
  std::optional<GuestPlan> plan{};  // absent: the guest could not be told
  std::string unknown{};            // why not
  std::optional<Operation> operation{};
  std::vector<StepRecord> steps{};      // of the operation
  std::vector<TicketRecord> tickets{};  // open ones of this guest
  std::vector<ConditionRecord> conditions{};
  std::vector<JobRecord> jobs{};  // signed orders for this guest, newest first
  std::optional<Keeping> kept{};  // a tombstone
};

// In sentences, most important first: what is being done, what differs and will be done,
// what was refused, by which rule and what to sign, what waits. Pure; never empty.
std::vector<std::string> explain(const Situation& situation);

}  // namespace holdfast
