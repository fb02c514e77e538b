// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/control_plane.hpp"
#include "controller/engine.hpp"
#include "host/observed.hpp"
#include "journal/journal.hpp"

namespace holdfast {

// Turning what the journal, the provider and the desired state say of a thing into what
// people and programs read. Pure.

Condition to_report(const ConditionRecord& record);
TicketReport to_report(const TicketRecord& record);
api::StepReport to_report(const StepRecord& record);
api::JobReport to_report(const JobRecord& record);
OperationReport to_report(const Operation& operation, const std::vector<StepRecord>& steps,
                          const std::optional<StepProgress>& progress);

// All that is known of one guest; parts that are not are absent.
struct GuestKnowledge {
  std::string name{};
  std::optional<Provenance> provenance{};
  Moment now{};
  std::shared_ptr<const DesiredGuest> desired{};
  host::ObservedGuestPtr observed{};
  bool was_observed = true;  // false: the provider did not answer
  std::vector<ConditionRecord> conditions{};
  std::optional<OperationReport> operation{};
};
GuestReport to_report(const GuestKnowledge& known);
// A guest that Holdfast did not make.
GuestReport foreign_report(const host::ObservedGuest& guest, const std::string& provider);

// A plan's actions as the CLI prints them; refusals name their rule and their open ticket.
std::vector<PlanAction> to_report(const GuestPlan& plan);

}  // namespace holdfast
