// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

Color color_of_phase(const std::string& phase) {
  if (phase == "Ready") return Color::green;
  if (phase == "Stuck" || phase == "Blocked" || phase == "Missing" || phase == "Unknown")
    return Color::red;
  return Color::yellow;
}

Color color_of_state(const std::string& state) {
  if (state == "succeeded") return Color::green;
  return state == "stuck" ? Color::red : Color::yellow;
}

std::string addresses_of(const GuestReport& guest) {
  std::string text;
  for (const auto& interface : guest.interfaces)
    for (const auto& address : interface.addresses) text += (text.empty() ? "" : ",") + address;
  return text;
}

std::string disks_of(const GuestReport& guest) {
  std::string text;
  for (const auto& disk : guest.disks)
    text += (text.empty() ? "" : ",") + disk.name + "=" + to_string(disk.size);
  return text;
}

std::string operation_of(const GuestReport& guest) {
  if (!guest.operation) return {};
  std::string text = guest.operation->id + " " + guest.operation->step;
  if (guest.operation->progress)
    text += " " + std::to_string(static_cast<int>(*guest.operation->progress * 100)) + "%";
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return {};
  const double used = static_cast<double>(part) / static_cast<double>(whole);
  return std::to_string(static_cast<int>(used * 100)) + "%";
}

std::vector<Cell> row_of(const GuestReport& guest, bool wide) {
  const std::string phase = guest.foreign ? "Foreign" : guest.phase;
  std::vector<Cell> row{guest.name,
                        {phase, guest.foreign ? Color::faint : color_of_phase(phase)},
                        guest.power,
                        guest.cpus == 0 ? "" : std::to_string(guest.cpus),
                        guest.memory.value == 0 ? "" : to_string(guest.memory),
                        guest.image,
                        operation_of(guest)};
  if (wide)
    row.insert(row.end(),
               {guest.uuid.is_nil() ? "" : to_string(guest.uuid),
                guest.incarnation.value == 0 ? "" : std::to_string(guest.incarnation.value),
                guest.provider, disks_of(guest), addresses_of(guest)});
  return row;
}

}  // namespace

std::string rounded(Bytes bytes) {
  constexpr const char* units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  double value = static_cast<double>(bytes.value);
  std::size_t unit = 0;
  for (; value >= 1024 && unit < 6; ++unit) value /= 1024;
  std::string text = std::to_string(value + (unit == 0 ? 0 : 0.05));
  text.resize(text.find('.') + 2);
  if (unit == 0 || text.back() == '0') text.resize(text.size() - 2);
  return text + units[unit];
}

std::string age(Time then, Time now) {
  if (then == Time{}) return {};
  const Duration past = now - then;
  if (past < std::chrono::seconds{1}) return "0s";
  return to_short_string(past);
}

Table guests_table(const std::vector<GuestReport>& guests, bool wide) {
  std::vector<std::string> headers{"NAME",   "PHASE", "POWER",    "CPUS",
                                   "MEMORY", "IMAGE", "OPERATION"};
  if (wide)
    headers.insert(headers.end(), {"UUID", "INCARNATION", "PROVIDER", "DISKS", "ADDRESSES"});
  Table table{headers};
  for (const auto& guest : guests) table.add(row_of(guest, wide));
  return table;
}

Table operations_table(const std::vector<OperationReport>& operations, Time now, bool wide) {
  std::vector<std::string> headers{"ID", "KIND", "SUBJECT", "STATE", "STEP", "AGE"};
  if (wide) headers.insert(headers.end(), {"ATTEMPTS", "UPDATED", "CAUSE"});
  Table table{headers};
  for (const auto& operation : operations) {
    std::string step = operation.step;
    if (operation.progress)
      step += " " + std::to_string(static_cast<int>(*operation.progress * 100)) + "%";
    std::vector<Cell> row{operation.id,
                          operation.kind,
                          operation.subject,
                          {operation.state, color_of_state(operation.state)},
                          step,
                          age(operation.started, now)};
    if (wide)
      row.insert(row.end(), {std::to_string(operation.attempts), age(operation.updated, now),
                             operation.cause});
    table.add(std::move(row));
  }
  return table;
}

Table tickets_table(const std::vector<TicketReport>& tickets, Time now, bool wide) {
  std::vector<std::string> headers{"ID", "SUBJECT", "RULE", "AGE"};
  if (wide) headers.emplace_back("MESSAGE");
  Table table{headers};
  for (const auto& ticket : tickets) {
    std::vector<Cell> row{
        ticket.id, ticket.subject, {ticket.rule, Color::yellow}, age(ticket.created, now)};
    if (wide) row.emplace_back(ticket.message);
    table.add(std::move(row));
  }
  return table;
}

Table jobs_table(const std::vector<JobReport>& jobs, Time now, bool wide) {
  std::vector<std::string> headers{"ID", "ACTION", "SUBJECT", "STATE", "CODE", "AGE"};
  if (wide) headers.insert(headers.end(), {"OPERATION", "MESSAGE"});
  Table table{headers};
  for (const auto& job : jobs) {
    const Color color = job.state == JobState::done ? Color::green
                        : job.state == JobState::refused || job.state == JobState::failed
                            ? Color::red
                            : Color::yellow;
    std::vector<Cell> row{job.id,      job.action,
                          job.subject, {std::string{to_string(job.state)}, color},
                          job.code,    age(job.received, now)};
    if (wide) {
      row.emplace_back(job.operation);
      row.emplace_back(job.message);
    }
    table.add(std::move(row));
  }
  return table;
}

Table backups_table(const std::vector<BackupReport>& backups, Time now, bool wide) {
  std::vector<std::string> headers{"ID",   "GUEST",     "INCARNATION", "AGE",
                                   "SIZE", "PROTECTED", "MADE-BY"};
  if (wide) headers.insert(headers.end(), {"UUID", "JOB", "NOTE"});
  Table table{headers};
  for (const auto& backup : backups) {
    std::vector<Cell> row{backup.id,
                          backup.guest,
                          backup.is_ours ? std::to_string(backup.incarnation.value) : "",
                          age(backup.taken, now),
                          rounded(backup.size),
                          backup.is_protected ? "yes" : "",
                          backup.is_ours ? "holdfast" : "somebody else"};
    if (wide)
      row.insert(row.end(),
                 {backup.uuid.is_nil() ? "" : to_string(backup.uuid), backup.job, backup.note});
    table.add(std::move(row));
  }
  return table;
}

Table images_table(const std::vector<ImageReport>& images, bool wide) {
  std::vector<std::string> headers{"NAME", "VERSION", "SIZE"};
  if (wide) headers.emplace_back("DIRECTORY");
  Table table{headers};
  for (const auto& image : images) {
    std::vector<Cell> row{image.name, image.version, to_string(image.size)};
    if (wide) row.emplace_back(image.directory);
    table.add(std::move(row));
  }
  return table;
}

Table snapshots_table(const std::vector<SnapshotReport>& snapshots, Time now) {
  Table table{{"NAME", "AGE", "INCARNATION", "MADE-BY"}};
  for (const auto& snapshot : snapshots)
    table.add({snapshot.name, age(snapshot.created, now),
               snapshot.incarnation.value == 0 ? "" : std::to_string(snapshot.incarnation.value),
               snapshot.is_ours ? "holdfast" : "somebody else"});
  return table;
}

Table provider_table(const ProviderReport& report) {
  Table table{{"CHECK", "RESULT", "PROBLEM"}};
  for (const ProviderCheck& check : report.checks)
    table.add({check.what, check.is_fine ? "ok" : "MISSING", {check.problem, Color::red}});
  return table;
}

Table targets_table(const std::vector<TargetReport>& targets) {
  Table table{{"NAME", "PATH", "SIZE", "AVAILABLE", "USED", "PROBLEM"}};
  for (const auto& target : targets) {
    const auto used = target.size.value - std::min(target.available.value, target.size.value);
    const bool is_known = target.size.value != 0;
    table.add({target.name,
               target.path,
               is_known ? rounded(target.size) : "",
               is_known ? rounded(target.available) : "",
               percent(used, target.size.value),
               {target.problem, Color::red}});
  }
  return table;
}

Table conditions_table(const std::vector<SubjectCondition>& conditions, Time now) {
  Table table{{"SUBJECT", "TYPE", "STATUS", "REASON", "AGE", "MESSAGE"}};
  for (const auto& [subject, condition] : conditions)
    table.add({subject, condition.type, std::string{to_string(condition.status)}, condition.reason,
               age(condition.last_transition, now), condition.message});
  return table;
}

Table host_table(const HostReport& host, Time now, bool wide) {
  const HubReport hub = host.hub.value_or(HubReport{});
  std::vector<std::string> headers{"HOST",    "MODE",      "GENERATION", "GUESTS", "OPERATIONS",
                                   "TICKETS", "LAST-PASS", "HUB",        "VERSION"};
  if (wide) headers.insert(headers.end(), {"LAST-SYNC", "LAST-BEAT", "SOURCE", "HYPERVISOR"});
  Table table{headers};
  std::vector<Cell> row{
      host.host_id,
      {std::string{to_string(host.mode)}, host.mode == HostMode::normal ? Color::none : Color::red},
      host.generation == 0 ? "" : std::to_string(host.generation),
      std::to_string(host.guests),
      std::to_string(host.open_operations),
      {std::to_string(host.open_tickets), host.open_tickets == 0 ? Color::none : Color::yellow},
      host.last_pass ? age(*host.last_pass, now) : "",
      {hub.state, hub.state.empty() || hub.state == "connected" ? Color::none : Color::red},
      host.version};
  if (wide)
    row.insert(row.end(), {hub.last_sync ? age(*hub.last_sync, now) : "",
                           hub.last_heartbeat ? age(*hub.last_heartbeat, now) : "", host.source,
                           host.hypervisor});
  table.add(std::move(row));
  return table;
}

}  // namespace holdfast::cli
