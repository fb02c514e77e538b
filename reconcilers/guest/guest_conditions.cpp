// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_conditions.hpp"

#include <algorithm>

#include "reconcilers/guest/guest_diff.hpp"

namespace holdfast {
namespace {

constexpr auto yes = ConditionStatus::yes;
constexpr auto no = ConditionStatus::no;

std::vector<std::string> refusals_of(const GuestPlan& plan) {
  std::vector<std::string> sentences;
  for (const PlannedAction& action : plan.actions)
    if (action.verdict == Verdict::refused) sentences.push_back(action.reason);
  return sentences;
}

PlannedCondition blocked(const GuestPlan& plan) {
  const auto refused = refusals_of(plan);
  if (!plan.blocked.empty()) {
    std::vector<std::string> all{plan.blocked_by};
    all.insert(all.end(), refused.begin(), refused.end());
    return {"Blocked", yes, plan.blocked, join(all, "; ")};
  }
  if (!refused.empty()) return {"Blocked", yes, "NeedsSignature", join(refused, "; ")};
  return {"Blocked", no, "NothingRefused", ""};
}

PlannedCondition ready(const GuestPlan& plan) {
  if (const PlannedAction* next = plan.next())
    return {"Ready", no, "Reconciling", describe(next->action) + ": " + next->reason};
  if (plan.is_waiting) return {"Ready", no, "Stopping", "the guest is on its way down"};
  if (!plan.blocked.empty()) return {"Ready", no, plan.blocked, plan.blocked_by};
  if (!plan.actions.empty()) return {"Ready", no, "NeedsSignature", join(refusals_of(plan), "; ")};
  if (!plan.pending.empty())
    return {"Ready", yes, "PendingRestart", "as wanted, but for what waits for its next stop"};
  return {"Ready", yes, "Converged", ""};
}

PlannedCondition supported(const GuestFacts& facts) {
  std::vector<std::string> fields;
  if (facts.desired.guest) {
    const GuestSpec& spec = facts.desired.guest->spec;
    if (!spec.ports.empty()) fields.emplace_back("ports");
    if (spec.health) fields.emplace_back("health");
    if (spec.backup_policy) fields.emplace_back("backup");
  }
  if (fields.empty()) return {"Supported", yes, "AllFields", ""};
  return {"Supported", no, "NotInThisVersion",
          "written down, but nothing acts on it in this version: " + join(fields, ", ")};
}

PlannedCondition accepted(const DesiredGuest& desired) {
  if (!desired.is_wanted) return {"Accepted", no, "NotWanted", "desired state does not name it"};
  if (desired.rejection.empty()) return {"Accepted", yes, "Valid", ""};
  const std::string rest =
      desired.guest ? "; what was accepted before still applies" : "; the guest is left as it is";
  return {"Accepted", no, "Rejected", desired.rejection + rest};
}

}  // namespace

std::vector<PlannedCondition> conditions_of(const GuestFacts& facts, const GuestPlan& plan) {
  std::vector<PlannedCondition> conditions{ready(plan)};
  if (const PlannedAction* next = plan.next())
    conditions.push_back({"Progressing", yes, "Reconciling", describe(next->action)});
  else
    conditions.push_back({"Progressing", no, "Idle", ""});
  conditions.push_back(blocked(plan));
  if (plan.pending.empty())
    conditions.push_back({"PendingRestart", no, "NothingPending", ""});
  else
    conditions.push_back({"PendingRestart", yes, "NextStop", join(plan.pending, "; ")});
  if (facts.provenance && !facts.observed)
    conditions.push_back({"Missing", yes, "DefinitionGone",
                          "somebody removed the guest's definition at the provider"});
  else
    conditions.push_back({"Missing", no, "Present", ""});
  if (facts.oscillating.empty())
    conditions.push_back({"Oscillating", no, "Steady", ""});
  else
    conditions.push_back(
        {"Oscillating", yes, "CorrectedOften",
         "corrected three times or more within a day, so something else changes it, too: " +
             join({facts.oscillating.begin(), facts.oscillating.end()}, ", ")});
  conditions.push_back({"Observed", yes, "Read", ""});
  conditions.push_back(accepted(facts.desired));
  conditions.push_back(supported(facts));
  return conditions;
}

std::vector<ConditionRecord> changed_conditions(const std::vector<PlannedCondition>& wanted,
                                                const std::vector<ConditionRecord>& written,
                                                std::uint64_t generation) {
  std::vector<ConditionRecord> changed;
  for (const PlannedCondition& condition : wanted) {
    const auto same = std::find_if(written.begin(), written.end(), [&](const ConditionRecord& w) {
      return w.type == condition.type && w.status == condition.status &&
             w.reason == condition.reason && w.message == condition.message &&
             w.observed_generation == generation;
    });
    if (same != written.end()) continue;
    ConditionRecord record;
    record.type = condition.type;
    record.status = condition.status;
    record.reason = condition.reason;
    record.message = condition.message;
    record.observed_generation = generation;
    changed.push_back(std::move(record));
  }
  return changed;
}

}  // namespace holdfast
