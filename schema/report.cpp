// SPDX-License-Identifier: Apache-2.0
#include "schema/report.hpp"

#include <limits>

#include "schema/field_table.hpp"
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

namespace {

Codec<std::string> words() { return text(any_text); }
Codec<std::vector<std::string>> list_of_words() { return list_of(words()); }

template <class T>
Codec<T> number() {
  return whole_number<T>(0, std::numeric_limits<T>::max());
}

Codec<Bytes> size() { return bytes(Bytes{0}, Bytes{std::numeric_limits<std::uint64_t>::max()}); }

const Table<Condition>& table_of(const Condition*) {
  static const Table<Condition> table{{
      field("type", &Condition::type, words()),
      field("status", &Condition::status,
            one_of({ConditionStatus::yes, ConditionStatus::no, ConditionStatus::unknown})),
      field("reason", &Condition::reason, words()),
      field("message", &Condition::message, words()),
      field("lastTransitionTime", &Condition::last_transition, time()),
      field("observedGeneration", &Condition::observed_generation, number<std::uint64_t>()),
  }};
  return table;
}

const Table<DiskReport>& table_of(const DiskReport*) {
  static const Table<DiskReport> table{{
      field("name", &DiskReport::name, words()),
      field("size", &DiskReport::size, size()),
      field("target", &DiskReport::target, words()),
  }};
  return table;
}

const Table<InterfaceReport>& table_of(const InterfaceReport*) {
  static const Table<InterfaceReport> table{{
      field("name", &InterfaceReport::name, words()),
      field("kind", &InterfaceReport::kind, words()),
      field("source", &InterfaceReport::source, words()),
      field("mac", &InterfaceReport::mac, words()),
      field("addresses", &InterfaceReport::addresses, list_of_words()),
  }};
  return table;
}

const Table<PortReport>& table_of(const PortReport*) {
  static const Table<PortReport> table{{
      field("protocol", &PortReport::protocol, words()),
      field("guestPort", &PortReport::guest_port, number<std::uint16_t>()),
      field("hostPort", &PortReport::host_port, number<std::uint16_t>()),
  }};
  return table;
}

const Table<OperationReport>& table_of(const OperationReport*) {
  static const Table<OperationReport> table{{
      field("id", &OperationReport::id, words()),
      field("kind", &OperationReport::kind, words()),
      field("subject", &OperationReport::subject, words()),
      field("state", &OperationReport::state, words()),
      field("step", &OperationReport::step, words()),
      field("attempts", &OperationReport::attempts, number<std::uint32_t>()),
      field("started", &OperationReport::started, time()),
      field("updated", &OperationReport::updated, time()),
      field("cause", &OperationReport::cause, words()),
      field("progress", &OperationReport::progress, maybe(real())),
      field("progressText", &OperationReport::progress_text, words()),
  }};
  return table;
}

const Table<PlanAction>& table_of(const PlanAction*);

template <class T>
Codec<std::vector<T>> list_of_reports() {
  return list_of(object(table_of(static_cast<const T*>(nullptr))));
}

const Table<GuestReport>& table_of(const GuestReport*) {
  static const Table<GuestReport> table{{
      field("name", &GuestReport::name, words()),
      field("uuid", &GuestReport::uuid, uuid()),
      field("incarnation", &GuestReport::incarnation, incarnation()),
      field("provider", &GuestReport::provider, words()),
      field("phase", &GuestReport::phase, words()),
      field("power", &GuestReport::power, words()),
      field("image", &GuestReport::image, words()),
      field("cpus", &GuestReport::cpus, number<std::uint32_t>()),
      field("memory", &GuestReport::memory, size()),
      field("disks", &GuestReport::disks, list_of_reports<DiskReport>()),
      field("interfaces", &GuestReport::interfaces, list_of_reports<InterfaceReport>()),
      field("ports", &GuestReport::ports, list_of_reports<PortReport>()),
      field("conditions", &GuestReport::conditions, list_of_reports<Condition>()),
      field("foreign", &GuestReport::foreign, boolean()),
      field("operation", &GuestReport::operation,
            maybe(object(table_of(static_cast<const OperationReport*>(nullptr))))),
      field("specDigest", &GuestReport::spec_digest, words()),
      field("fingerprint", &GuestReport::fingerprint, words()),
  }};
  return table;
}

const Table<TicketReport>& table_of(const TicketReport*) {
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

const Table<PlanAction>& table_of(const PlanAction*) {
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

const Table<PlanReport>& table_of(const PlanReport*) {
  static const Table<PlanReport> table{{
      field("inSync", &PlanReport::in_sync, boolean()),
      field("actions", &PlanReport::actions, list_of_reports<PlanAction>()),
      field("unknown", &PlanReport::unknown, list_of_words()),
  }};
  return table;
}

Codec<Duration> any_duration() { return duration(Duration{0}, std::chrono::hours{24 * 3660}); }

const Table<HubReport>& table_of(const HubReport*) {
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

const Table<HostReport>& table_of(const HostReport*) {
  static const Table<HostReport> table{{
      field("hostId", &HostReport::host_id, words()),
      field("version", &HostReport::version, words()),
      field("generation", &HostReport::generation, number<std::uint64_t>()),
      field("acceptedAt", &HostReport::accepted_at, maybe(time())),
      field("digest", &HostReport::digest, words()),
      field("source", &HostReport::source, words()),
      field("hub", &HostReport::hub,
            maybe(object(table_of(static_cast<const HubReport*>(nullptr))))),
      field("mode", &HostReport::mode, one_of({HostMode::normal, HostMode::observe_only})),
      field("hypervisor", &HostReport::hypervisor, words()),
      field("lastPass", &HostReport::last_pass, maybe(time())),
      field("lastPassTook", &HostReport::last_pass_took, any_duration()),
      field("guests", &HostReport::guests, number<std::uint32_t>()),
      field("openOperations", &HostReport::open_operations, number<std::uint32_t>()),
      field("openTickets", &HostReport::open_tickets, number<std::uint32_t>()),
      field("conditions", &HostReport::conditions, list_of_reports<Condition>()),
  }};
  return table;
}

const Table<EventReport>& table_of(const EventReport*) {
  static const Table<EventReport> table{{
      field("at", &EventReport::at, time()),
      field("subject", &EventReport::subject, words()),
      field("severity", &EventReport::severity, words()),
      field("reason", &EventReport::reason, words()),
      field("message", &EventReport::message, words()),
  }};
  return table;
}

template <class T>
const Table<T>& table() {
  return table_of(static_cast<const T*>(nullptr));
}

template <class T>
Codec<T> codec_of(const T*) {
  return object(table<T>());
}

template <class T>
Codec<std::vector<T>> codec_of(const std::vector<T>*) {
  return list_of(object(table<T>()));
}

template <class T>
std::string print(const T& report) {
  static const auto codec = codec_of(static_cast<const T*>(nullptr));
  return codec.print(report).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

const Table<OperationReport>& operation_report_table() { return table<OperationReport>(); }
const Table<PlanReport>& plan_report_table() { return table<PlanReport>(); }
const Table<HostReport>& host_report_table() { return table<HostReport>(); }
const Table<GuestReport>& guest_report_table() { return table<GuestReport>(); }
const Table<TicketReport>& ticket_report_table() { return table<TicketReport>(); }

std::string to_json(const Condition& report) { return print(report); }
std::string to_json(const OperationReport& report) { return print(report); }
std::string to_json(const GuestReport& report) { return print(report); }
std::string to_json(const TicketReport& report) { return print(report); }
std::string to_json(const PlanReport& report) { return print(report); }
std::string to_json(const HostReport& report) { return print(report); }
std::string to_json(const HubReport& report) { return print(report); }
std::string to_json(const EventReport& report) { return print(report); }
std::string to_json(const std::vector<Condition>& reports) { return print(reports); }
std::string to_json(const std::vector<OperationReport>& reports) { return print(reports); }
std::string to_json(const std::vector<GuestReport>& reports) { return print(reports); }
std::string to_json(const std::vector<TicketReport>& reports) { return print(reports); }
std::string to_json(const std::vector<EventReport>& reports) { return print(reports); }

template <class Report>
Result<Report> parse_report(std::string_view json) {
  static const auto codec = codec_of(static_cast<const Report*>(nullptr));
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "report: found something that is not JSON"};
  Problems problems{Problems::Reading::tolerant};
  Report report{};
  codec.read(tree, report, problems);
  if (!problems.empty()) return problems.error("report");
  return report;
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
