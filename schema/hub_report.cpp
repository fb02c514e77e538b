// SPDX-License-Identifier: Apache-2.0
#include "schema/hub_report.hpp"

#include "schema/report_tables.hpp"

namespace holdfast {

template <>
const Table<HubHostReport>& report_table() {
  static const Table<HubHostReport> fields{{
      field("hostId", &HubHostReport::host_id, words()),
      field("hostname", &HubHostReport::hostname, words()),
      field("version", &HubHostReport::version, words()),
      field("status", &HubHostReport::status, words()),
      field("enrolled", &HubHostReport::enrolled, time()),
      field("lastHeartbeat", &HubHostReport::last_heartbeat, maybe(time())),
      field("lastReport", &HubHostReport::last_report, maybe(time())),
      field("desiredGeneration", &HubHostReport::desired_generation, any_number<std::uint64_t>()),
      field("heldGeneration", &HubHostReport::held_generation, any_number<std::uint64_t>()),
      field("passAge", &HubHostReport::pass_age, any_duration()),
      field("journalAge", &HubHostReport::journal_age, any_duration()),
      field("openOperations", &HubHostReport::open_operations, any_number<std::uint32_t>()),
      field("openJobs", &HubHostReport::open_jobs, any_number<std::uint32_t>()),
      field("mode", &HubHostReport::mode, words()),
      field("connected", &HubHostReport::is_connected, boolean()),
      field("report", &HubHostReport::report, maybe(object(report_table<StatusReport>()))),
  }};
  return fields;
}

template <>
const Table<GenerationReport>& report_table() {
  static const Table<GenerationReport> fields{{
      field("generation", &GenerationReport::generation, any_number<std::uint64_t>()),
      field("digest", &GenerationReport::digest, words()),
      field("created", &GenerationReport::created, time()),
      field("author", &GenerationReport::author, words()),
      field("comment", &GenerationReport::comment, words()),
      field("desired", &GenerationReport::desired, words()),
  }};
  return fields;
}

template <>
const Table<FieldChange>& report_table() {
  static const Table<FieldChange> fields{{
      field("path", &FieldChange::path, words()),
      field("from", &FieldChange::from, words()),
      field("to", &FieldChange::to, words()),
  }};
  return fields;
}

template <>
const Table<ResourceChange>& report_table() {
  static const Table<ResourceChange> fields{{
      field("kind", &ResourceChange::kind, words()),
      field("name", &ResourceChange::name, words()),
      field("change", &ResourceChange::change, words()),
      field("fields", &ResourceChange::fields, list_of_reports<FieldChange>()),
  }};
  return fields;
}

template <>
const Table<DiffReport>& report_table() {
  static const Table<DiffReport> fields{{
      field("from", &DiffReport::from, any_number<std::uint64_t>()),
      field("to", &DiffReport::to, any_number<std::uint64_t>()),
      field("changes", &DiffReport::changes, list_of_reports<ResourceChange>()),
  }};
  return fields;
}

template <>
const Table<HubApplyReport>& report_table() {
  static const Table<HubApplyReport> fields{{
      field("generation", &HubApplyReport::generation, any_number<std::uint64_t>()),
      field("stored", &HubApplyReport::is_stored, boolean()),
      field("diff", &HubApplyReport::diff, object(report_table<DiffReport>())),
  }};
  return fields;
}

template <>
const Table<HubJobReport>& report_table() {
  static const Table<HubJobReport> fields{{
      field("payload", &HubJobReport::payload, words()),
      field("state", &HubJobReport::state, words()),
      field("job", &HubJobReport::job, words()),
      field("code", &HubJobReport::code, words()),
      field("message", &HubJobReport::message, words()),
      field("operation", &HubJobReport::operation, words()),
      field("signatures", &HubJobReport::signatures, any_number<std::uint32_t>()),
      field("created", &HubJobReport::created, time()),
      field("updated", &HubJobReport::updated, maybe(time())),
      field("author", &HubJobReport::author, words()),
  }};
  return fields;
}

template <>
const Table<AlertReport>& report_table() {
  static const Table<AlertReport> fields{{
      field("id", &AlertReport::id, words()),
      field("alert", &AlertReport::alert, words()),
      field("hostId", &AlertReport::host_id, words()),
      field("hostname", &AlertReport::hostname, words()),
      field("at", &AlertReport::at, time()),
      field("ended", &AlertReport::ended, maybe(time())),
      field("silence", &AlertReport::silence, words()),
      field("message", &AlertReport::message, words()),
      field("undelivered", &AlertReport::undelivered, any_number<std::uint32_t>()),
  }};
  return fields;
}

template <>
const Table<SilenceReport>& report_table() {
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
const Table<EnrollTokenReport>& report_table() {
  static const Table<EnrollTokenReport> fields{{
      field("token", &EnrollTokenReport::token, words()),
      field("expires", &EnrollTokenReport::expires, time()),
  }};
  return fields;
}

std::string to_json(const StatusReport& report) { return print_report(report); }
std::string to_json(const HubHostReport& report) { return print_report(report); }
std::string to_json(const GenerationReport& report) { return print_report(report); }
std::string to_json(const DiffReport& report) { return print_report(report); }
std::string to_json(const HubApplyReport& report) { return print_report(report); }
std::string to_json(const HubJobReport& report) { return print_report(report); }
std::string to_json(const AlertReport& report) { return print_report(report); }
std::string to_json(const SilenceReport& report) { return print_report(report); }
std::string to_json(const EnrollTokenReport& report) { return print_report(report); }
std::string to_json(const std::vector<HubHostReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<GenerationReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<HubJobReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<AlertReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<SilenceReport>& reports) { return print_report(reports); }

template <class Report>
Result<Report> parse_hub_report(std::string_view json) {
  return read_report<Report>(json);
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
