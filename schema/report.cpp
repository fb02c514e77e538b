// SPDX-License-Identifier: Apache-2.0
#include "schema/report.hpp"

#include "schema/report_tables.hpp"

namespace holdfast {

std::string_view to_string(HostMode mode) {
  switch (mode) {
    case HostMode::normal: return "normal";
    case HostMode::observe_only: return "observe-only";
  }
  return "unknown";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::free: return "free";
    case Verdict::needs_permit: return "needs-permit";
    case Verdict::refused: return "refused";
  }
  return "unknown";
}

template <>
const Table<Condition>& report_table() {
  static const Table<Condition> table{{
      field("type", &Condition::type, words()),
      field("status", &Condition::status,
            one_of({ConditionStatus::yes, ConditionStatus::no, ConditionStatus::unknown})),
      field("reason", &Condition::reason, words()),
      field("message", &Condition::message, words()),
      field("lastTransitionTime", &Condition::last_transition, time()),
      field("observedGeneration", &Condition::observed_generation, any_number<std::uint64_t>()),
  }};
  return table;
}

template <>
const Table<DiskReport>& report_table() {
  static const Table<DiskReport> table{{
      field("name", &DiskReport::name, words()),
      field("size", &DiskReport::size, any_size()),
      field("target", &DiskReport::target, words()),
  }};
  return table;
}

template <>
const Table<SetAsideReport>& report_table() {
  static const Table<SetAsideReport> table{{
      field("name", &SetAsideReport::name, words()),
      field("path", &SetAsideReport::path, words()),
      field("verb", &SetAsideReport::verb, words()),
      field("job", &SetAsideReport::job, words()),
      field("removed", &SetAsideReport::removed, time()),
  }};
  return table;
}

template <>
const Table<InterfaceReport>& report_table() {
  static const Table<InterfaceReport> table{{
      field("name", &InterfaceReport::name, words()),
      field("kind", &InterfaceReport::kind, words()),
      field("source", &InterfaceReport::source, words()),
      field("mac", &InterfaceReport::mac, words()),
      field("addresses", &InterfaceReport::addresses, list_of_words()),
  }};
  return table;
}

template <>
const Table<PortReport>& report_table() {
  static const Table<PortReport> table{{
      field("protocol", &PortReport::protocol, words()),
      field("guestPort", &PortReport::guest_port, any_number<std::uint16_t>()),
      field("hostPort", &PortReport::host_port, any_number<std::uint16_t>()),
  }};
  return table;
}

template <>
const Table<OperationReport>& report_table() {
  static const Table<OperationReport> table{{
      field("id", &OperationReport::id, words()),
      field("kind", &OperationReport::kind, words()),
      field("subject", &OperationReport::subject, words()),
      field("state", &OperationReport::state, words()),
      field("step", &OperationReport::step, words()),
      field("attempts", &OperationReport::attempts, any_number<std::uint32_t>()),
      field("started", &OperationReport::started, time()),
      field("updated", &OperationReport::updated, time()),
      field("cause", &OperationReport::cause, words()),
      field("progress", &OperationReport::progress, maybe(real())),
      field("progressText", &OperationReport::progress_text, words()),
  }};
  return table;
}

template <>
const Table<GuestReport>& report_table() {
  static const Table<GuestReport> table{{
      field("name", &GuestReport::name, words()),
      field("uuid", &GuestReport::uuid, uuid()),
      field("incarnation", &GuestReport::incarnation, incarnation()),
      field("provider", &GuestReport::provider, words()),
      field("phase", &GuestReport::phase, words()),
      field("power", &GuestReport::power, words()),
      field("image", &GuestReport::image, words()),
      field("cpus", &GuestReport::cpus, any_number<std::uint32_t>()),
      field("memory", &GuestReport::memory, any_size()),
      field("disks", &GuestReport::disks, list_of_reports<DiskReport>()),
      field("setAside", &GuestReport::set_aside, list_of_reports<SetAsideReport>()),
      field("removed", &GuestReport::removed, maybe(time())),
      field("interfaces", &GuestReport::interfaces, list_of_reports<InterfaceReport>()),
      field("ports", &GuestReport::ports, list_of_reports<PortReport>()),
      field("conditions", &GuestReport::conditions, list_of_reports<Condition>()),
      field("foreign", &GuestReport::foreign, boolean()),
      field("operation", &GuestReport::operation, maybe(object(report_table<OperationReport>()))),
      field("specDigest", &GuestReport::spec_digest, words()),
      field("fingerprint", &GuestReport::fingerprint, words()),
  }};
  return table;
}

template <>
const Table<TicketReport>& report_table() {
  static const Table<TicketReport> table{{
      field("id", &TicketReport::id, words()),
      field("subject", &TicketReport::subject, words()),
      field("rule", &TicketReport::rule, words()),
      field("message", &TicketReport::message, words()),
      field("created", &TicketReport::created, time()),
      field("job", &TicketReport::job, words()),
      field("effects", &TicketReport::effects, list_of_words()),
  }};
  return table;
}

template <>
const Table<PlanAction>& report_table() {
  static const Table<PlanAction> table{{
      field("subject", &PlanAction::subject, words()),
      field("action", &PlanAction::action, words()),
      field("reason", &PlanAction::reason, words()),
      field("verdict", &PlanAction::verdict,
            one_of({Verdict::free, Verdict::needs_permit, Verdict::refused})),
      field("rule", &PlanAction::rule, words()),
      field("ticket", &PlanAction::ticket, words()),
  }};
  return table;
}

template <>
const Table<PlanReport>& report_table() {
  static const Table<PlanReport> table{{
      field("inSync", &PlanReport::in_sync, boolean()),
      field("actions", &PlanReport::actions, list_of_reports<PlanAction>()),
      field("unknown", &PlanReport::unknown, list_of_words()),
      field("pending", &PlanReport::pending, list_of_words()),
  }};
  return table;
}

template <>
const Table<HubReport>& report_table() {
  static const Table<HubReport> table{{
      field("url", &HubReport::url, words()),
      field("state", &HubReport::state, words()),
      field("message", &HubReport::message, words()),
      field("lastSync", &HubReport::last_sync, maybe(time())),
      field("lastHeartbeat", &HubReport::last_heartbeat, maybe(time())),
      field("clockAhead", &HubReport::clock_ahead, maybe(any_duration())),
      field("clockBehind", &HubReport::clock_behind, maybe(any_duration())),
  }};
  return table;
}

template <>
const Table<HostReport>& report_table() {
  static const Table<HostReport> table{{
      field("hostId", &HostReport::host_id, words()),
      field("version", &HostReport::version, words()),
      field("generation", &HostReport::generation, any_number<std::uint64_t>()),
      field("acceptedAt", &HostReport::accepted_at, maybe(time())),
      field("digest", &HostReport::digest, words()),
      field("source", &HostReport::source, words()),
      field("hub", &HostReport::hub, maybe(object(report_table<HubReport>()))),
      field("mode", &HostReport::mode, one_of({HostMode::normal, HostMode::observe_only})),
      field("hypervisor", &HostReport::hypervisor, words()),
      field("lastPass", &HostReport::last_pass, maybe(time())),
      field("lastPassTook", &HostReport::last_pass_took, any_duration()),
      field("guests", &HostReport::guests, any_number<std::uint32_t>()),
      field("openOperations", &HostReport::open_operations, any_number<std::uint32_t>()),
      field("openTickets", &HostReport::open_tickets, any_number<std::uint32_t>()),
      field("conditions", &HostReport::conditions, list_of_reports<Condition>()),
  }};
  return table;
}

template <>
const Table<EventReport>& report_table() {
  static const Table<EventReport> table{{
      field("at", &EventReport::at, time()),
      field("subject", &EventReport::subject, words()),
      field("severity", &EventReport::severity, words()),
      field("reason", &EventReport::reason, words()),
      field("message", &EventReport::message, words()),
  }};
  return table;
}

std::string to_json(const Condition& report) { return print_report(report); }
std::string to_json(const OperationReport& report) { return print_report(report); }
std::string to_json(const GuestReport& report) { return print_report(report); }
std::string to_json(const TicketReport& report) { return print_report(report); }
std::string to_json(const PlanReport& report) { return print_report(report); }
std::string to_json(const HostReport& report) { return print_report(report); }
std::string to_json(const HubReport& report) { return print_report(report); }
std::string to_json(const EventReport& report) { return print_report(report); }
std::string to_json(const std::vector<Condition>& reports) { return print_report(reports); }
std::string to_json(const std::vector<OperationReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<GuestReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<TicketReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<EventReport>& reports) { return print_report(reports); }

template <class Report>
Result<Report> parse_report(std::string_view json) {
  return read_report<Report>(json);
}

template Result<Condition> parse_report(std::string_view);
template Result<OperationReport> parse_report(std::string_view);
template Result<GuestReport> parse_report(std::string_view);
template Result<TicketReport> parse_report(std::string_view);
template Result<PlanReport> parse_report(std::string_view);
template Result<HostReport> parse_report(std::string_view);
template Result<HubReport> parse_report(std::string_view);
template Result<EventReport> parse_report(std::string_view);
template Result<std::vector<Condition>> parse_report(std::string_view);
template Result<std::vector<OperationReport>> parse_report(std::string_view);
template Result<std::vector<GuestReport>> parse_report(std::string_view);
template Result<std::vector<TicketReport>> parse_report(std::string_view);
template Result<std::vector<EventReport>> parse_report(std::string_view);

}  // namespace holdfast
