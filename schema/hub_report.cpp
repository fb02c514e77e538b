// SPDX-License-Identifier: Apache-2.0
#include "schema/hub_report.hpp"

#include <chrono>
#include <limits>

#include "schema/field_table.hpp"
#include "schema/report_tables.hpp"

namespace holdfast {
namespace {

Codec<std::string> words() { return text(any_text); }
Codec<Duration> age() { return duration(Duration{0}, std::chrono::hours{24 * 3660}); }

template <class T>
Codec<T> number() {
  return whole_number<T>(0, std::numeric_limits<T>::max());
}

// The table of T, found by its type.
template <class T>
const Table<T>& table();

template <>
const Table<HubHostReport>& table() {
  static const Table<HubHostReport> fields{{
      field("hostId", &HubHostReport::host_id, words()),
      field("hostname", &HubHostReport::hostname, words()),
      field("version", &HubHostReport::version, words()),
      field("status", &HubHostReport::status, words()),
      field("enrolled", &HubHostReport::enrolled, time()),
      field("lastHeartbeat", &HubHostReport::last_heartbeat, maybe(time())),
      field("lastReport", &HubHostReport::last_report, maybe(time())),
      field("desiredGeneration", &HubHostReport::desired_generation, number<std::uint64_t>()),
      field("heldGeneration", &HubHostReport::held_generation, number<std::uint64_t>()),
      field("passAge", &HubHostReport::pass_age, age()),
      field("journalAge", &HubHostReport::journal_age, age()),
      field("openOperations", &HubHostReport::open_operations, number<std::uint32_t>()),
      field("openJobs", &HubHostReport::open_jobs, number<std::uint32_t>()),
      field("mode", &HubHostReport::mode, words()),
      field("connected", &HubHostReport::is_connected, boolean()),
      field("report", &HubHostReport::report, maybe(object(status_report_table()))),
  }};
  return fields;
}

template <>
const Table<GenerationReport>& table() {
  static const Table<GenerationReport> fields{{
      field("generation", &GenerationReport::generation, number<std::uint64_t>()),
      field("digest", &GenerationReport::digest, words()),
      field("created", &GenerationReport::created, time()),
      field("author", &GenerationReport::author, words()),
      field("comment", &GenerationReport::comment, words()),
      field("desired", &GenerationReport::desired, words()),
  }};
  return fields;
}

template <>
const Table<FieldChange>& table() {
  static const Table<FieldChange> fields{{
      field("path", &FieldChange::path, words()),
      field("from", &FieldChange::from, words()),
      field("to", &FieldChange::to, words()),
  }};
  return fields;
}

template <>
const Table<ResourceChange>& table() {
  static const Table<ResourceChange> fields{{
      field("kind", &ResourceChange::kind, words()),
      field("name", &ResourceChange::name, words()),
      field("change", &ResourceChange::change, words()),
      field("fields", &ResourceChange::fields, list_of(object(table<FieldChange>()))),
  }};
  return fields;
}

template <>
const Table<DiffReport>& table() {
  static const Table<DiffReport> fields{{
      field("from", &DiffReport::from, number<std::uint64_t>()),
      field("to", &DiffReport::to, number<std::uint64_t>()),
      field("changes", &DiffReport::changes, list_of(object(table<ResourceChange>()))),
  }};
  return fields;
}

template <>
const Table<HubApplyReport>& table() {
  static const Table<HubApplyReport> fields{{
      field("generation", &HubApplyReport::generation, number<std::uint64_t>()),
      field("stored", &HubApplyReport::is_stored, boolean()),
      field("diff", &HubApplyReport::diff, object(table<DiffReport>())),
  }};
  return fields;
}

template <>
const Table<HubJobReport>& table() {
  static const Table<HubJobReport> fields{{
      field("payload", &HubJobReport::payload, words()),
      field("state", &HubJobReport::state, words()),
      field("job", &HubJobReport::job, words()),
      field("code", &HubJobReport::code, words()),
      field("message", &HubJobReport::message, words()),
      field("operation", &HubJobReport::operation, words()),
      field("signatures", &HubJobReport::signatures, number<std::uint32_t>()),
      field("created", &HubJobReport::created, time()),
      field("updated", &HubJobReport::updated, maybe(time())),
      field("author", &HubJobReport::author, words()),
  }};
  return fields;
}

template <>
const Table<AlertReport>& table() {
  static const Table<AlertReport> fields{{
      field("id", &AlertReport::id, words()),
      field("alert", &AlertReport::alert, words()),
      field("hostId", &AlertReport::host_id, words()),
      field("hostname", &AlertReport::hostname, words()),
      field("at", &AlertReport::at, time()),
      field("ended", &AlertReport::ended, maybe(time())),
      field("silence", &AlertReport::silence, words()),
      field("message", &AlertReport::message, words()),
      field("undelivered", &AlertReport::undelivered, number<std::uint32_t>()),
  }};
  return fields;
}

template <>
const Table<SilenceReport>& table() {
  static const Table<SilenceReport> fields{{
      field("id", &SilenceReport::id, words()),
      field("hostId", &SilenceReport::host_id, words()),
      field("alert", &SilenceReport::alert, words()),
      field("starts", &SilenceReport::starts, time()),
      field("ends", &SilenceReport::ends, time()),
      field("reason", &SilenceReport::reason, words()),
      field("author", &SilenceReport::author, words()),
  }};
  return fields;
}

template <>
const Table<EnrollTokenReport>& table() {
  static const Table<EnrollTokenReport> fields{{
      field("token", &EnrollTokenReport::token, words()),
      field("expires", &EnrollTokenReport::expires, time()),
  }};
  return fields;
}

template <>
const Table<StatusReport>& table() {
  return status_report_table();
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

std::string to_json(const StatusReport& report) { return print(report); }
std::string to_json(const HubHostReport& report) { return print(report); }
std::string to_json(const GenerationReport& report) { return print(report); }
std::string to_json(const DiffReport& report) { return print(report); }
std::string to_json(const HubApplyReport& report) { return print(report); }
std::string to_json(const HubJobReport& report) { return print(report); }
std::string to_json(const AlertReport& report) { return print(report); }
std::string to_json(const SilenceReport& report) { return print(report); }
std::string to_json(const EnrollTokenReport& report) { return print(report); }
std::string to_json(const std::vector<HubHostReport>& reports) { return print(reports); }
std::string to_json(const std::vector<GenerationReport>& reports) { return print(reports); }
std::string to_json(const std::vector<HubJobReport>& reports) { return print(reports); }
std::string to_json(const std::vector<AlertReport>& reports) { return print(reports); }
std::string to_json(const std::vector<SilenceReport>& reports) { return print(reports); }

template <class Report>
Result<Report> parse_hub_report(std::string_view json) {
  static const auto codec = codec_of(static_cast<const Report*>(nullptr));
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "report: found something that is not JSON"};
  Problems problems{Problems::Reading::tolerant};
  Report report{};
  codec.read(tree, report, problems);
  if (!problems.empty()) return problems.error("report");
  return report;
}

template Result<StatusReport> parse_hub_report(std::string_view);
template Result<HubHostReport> parse_hub_report(std::string_view);
template Result<GenerationReport> parse_hub_report(std::string_view);
template Result<DiffReport> parse_hub_report(std::string_view);
template Result<HubApplyReport> parse_hub_report(std::string_view);
template Result<HubJobReport> parse_hub_report(std::string_view);
template Result<AlertReport> parse_hub_report(std::string_view);
template Result<SilenceReport> parse_hub_report(std::string_view);
template Result<EnrollTokenReport> parse_hub_report(std::string_view);
template Result<std::vector<HubHostReport>> parse_hub_report(std::string_view);
template Result<std::vector<GenerationReport>> parse_hub_report(std::string_view);
template Result<std::vector<HubJobReport>> parse_hub_report(std::string_view);
template Result<std::vector<AlertReport>> parse_hub_report(std::string_view);
template Result<std::vector<SilenceReport>> parse_hub_report(std::string_view);

}  // namespace holdfast
