// SPDX-License-Identifier: Apache-2.0
#include "controller/reports.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "reconcilers/guest/guest_observation.hpp"

namespace holdfast {
namespace {

using nlohmann::json;

// What the journal alone can say, whether or not the guest was seen; null: nothing.
const char* journaled_phase(const GuestKnowledge& known) {
  if (known.operation) {
    if (known.operation->state == to_string(OperationState::stuck)) return "Stuck";
    if (known.operation->state == to_string(OperationState::rolling_back)) return "RollingBack";
  }
  if (known.provenance && known.provenance->life == Life::tombstone) return "Tombstone";
  if (known.provenance && known.provenance->life == Life::provisioning) return "Provisioning";
  return nullptr;
}

const char* settled_phase(const GuestKnowledge& known) {
  for (const char* type : {"Blocked", "Missing", "PendingRestart"}) {
    const ConditionRecord* condition = find_condition(known.conditions, type);
    if (condition != nullptr && condition->status == ConditionStatus::yes) return type;
  }
  if (const ConditionRecord* ready = find_condition(known.conditions, "Ready"))
    return ready->status == ConditionStatus::yes ? "Ready" : "Converging";
  return known.provenance ? "Converging" : "Pending";
}

// One word for tables, the most urgent truth first.
std::string phase_of(const GuestKnowledge& known) {
  if (const char* phase = journaled_phase(known)) return phase;
  if (!known.was_observed) return "Unknown";
  if (known.operation) return "Changing";
  return settled_phase(known);
}

void describe_desired(const Guest& guest, GuestReport& report) {
  report.provider = guest.spec.provider;
  report.image = guest.spec.image.name + " " + guest.spec.image.version;
  report.spec_digest = digest(guest);
  report.cpus = guest.spec.cpus;
  report.memory = guest.spec.memory;
  for (const Port& port : guest.spec.ports)
    report.ports.push_back({.protocol = std::string{to_string(port.protocol)},
                            .guest_port = port.guest_port,
                            .host_port = port.host_port.value_or(0)});
}

void describe_remembered(const Provenance& row, const Moment& now, GuestReport& report) {
  report.uuid = row.uuid;
  report.incarnation = row.incarnation;
  if (const auto since = destroyed_at(row); since && row.life == Life::tombstone)
    report.removed = kept_until(*since, now);
  const auto identity = parse_identity(row.detail);
  if (!identity) return;
  // What it was born from, which a refused change of image does not alter.
  report.image = identity->image.name.empty()  // adopted: nobody knows
                     ? ""
                     : identity->image.name + " " + identity->image.version;
  for (const SetAside& aside : identity->aside)
    report.set_aside.push_back({.name = aside.disk.name,
                                .path = aside.disk.path,
                                .verb = aside.verb,
                                .job = aside.job,
                                .removed = kept_until(set_aside_at(aside), now)});
}

void describe_observed(const host::ObservedGuest& observed, GuestReport& report) {
  const host::Shape& shape = observed.live ? *observed.live : observed.configured;
  report.uuid = observed.uuid;
  report.power = to_string(observed.power);
  report.cpus = shape.cpus;
  report.memory = shape.memory;
  for (const host::Disk& disk : shape.disks)
    report.disks.push_back({.name = disk.name, .size = disk.size, .target = disk.target});
  for (const host::Nic& nic : shape.nics)
    report.interfaces.push_back({.name = {},
                                 .kind = std::string{to_string(nic.kind)},
                                 .source = nic.source,
                                 .mac = nic.mac,
                                 .addresses = {}});
}

}  // namespace

Condition to_report(const ConditionRecord& record) {
  return {.type = record.type,
          .status = record.status,
          .reason = record.reason,
          .message = record.message,
          .last_transition = record.changed,
          .observed_generation = record.observed_generation};
}

TicketReport to_report(const TicketRecord& record) {
  TicketReport report;
  report.id = record.id;
  report.subject = record.subject;
  report.rule = record.rule;
  report.message = record.message;
  report.created = record.created;
  report.job = record.job;
  const json effects = json::parse(record.effects, nullptr, false);
  if (effects.is_array())
    for (const json& effect : effects)
      if (effect.is_string()) report.effects.push_back(effect.get<std::string>());
  return report;
}

api::StepReport to_report(const StepRecord& record) {
  return {.name = record.name,
          .state = std::string{to_string(record.state)},
          .input = record.input,
          .output = record.output,
          .task = record.task,
          .begun = record.begun,
          .ended = record.ended};
}

OperationReport to_report(const Operation& operation, const std::vector<StepRecord>& steps,
                          const std::optional<StepProgress>& progress) {
  OperationReport report;
  report.id = to_string(operation.id);
  report.kind = operation.kind;
  report.subject = operation.subject;
  report.state = to_string(operation.state);
  report.attempts = static_cast<std::uint32_t>(operation.attempts);
  report.started = operation.started;
  report.updated = operation.updated;
  report.cause = operation.cause;
  const auto current = std::find_if(steps.rbegin(), steps.rend(), [](const StepRecord& step) {
    return step.state == StepState::begun;
  });
  if (current != steps.rend()) {
    report.step = current->name;
  } else if (!steps.empty()) {
    report.step = steps.back().name;
  }
  if (progress && progress->progress.total != 0) {
    report.progress = static_cast<double>(progress->progress.done) /
                      static_cast<double>(progress->progress.total);
    report.progress_text = progress->step + ": " + to_string(Bytes{progress->progress.done}) +
                           " of " + to_string(Bytes{progress->progress.total});
  }
  return report;
}

GuestReport to_report(const GuestKnowledge& known) {
  GuestReport report;
  report.name = known.name;
  report.incarnation = Incarnation{0};
  report.power = known.was_observed ? "Absent" : "Unknown";
  if (known.desired && known.desired->guest) describe_desired(*known.desired->guest, report);
  if (known.provenance) describe_remembered(*known.provenance, known.now, report);
  if (known.observed) {
    describe_observed(*known.observed, report);
    report.fingerprint = guest_fingerprint(*known.observed);
  }
  for (const ConditionRecord& condition : known.conditions)
    report.conditions.push_back(to_report(condition));
  report.operation = known.operation;
  report.phase = phase_of(known);
  return report;
}

GuestReport foreign_report(const host::ObservedGuest& guest, const std::string& provider) {
  GuestReport report;
  report.name = guest.name;
  report.incarnation = Incarnation{0};
  report.provider = provider;
  report.phase = "Foreign";
  report.foreign = true;
  describe_observed(guest, report);
  return report;
}

std::vector<PlanAction> to_report(const GuestPlan& plan) {
  std::vector<PlanAction> actions;
  const std::string subject = guest_subject(plan.name);
  for (const PlannedAction& action : plan.actions)
    actions.push_back({.subject = subject,
                       .action = describe(action.action),
                       .reason = action.reason,
                       .verdict = action.verdict,
                       .rule = action.rule,
                       .ticket = action.ticket});
  return actions;
}

}  // namespace holdfast
