// SPDX-License-Identifier: Apache-2.0
#include "schema/admin_report.hpp"

#include "schema/report_tables.hpp"

namespace holdfast {

template <>
const Table<StepReport>& report_table() {
  static const Table<StepReport> table{{
      field("name", &StepReport::name, words()),
      field("state", &StepReport::state, words()),
      field("input", &StepReport::input, words()),
      field("output", &StepReport::output, words()),
      field("task", &StepReport::task, words()),
      field("begun", &StepReport::begun, time()),
      field("ended", &StepReport::ended, time()),
  }};
  return table;
}

template <>
const Table<OperationDetail>& report_table() {
  static const Table<OperationDetail> table{{
      field("operation", &OperationDetail::operation, object(report_table<OperationReport>())),
      field("steps", &OperationDetail::steps, list_of_reports<StepReport>()),
  }};
  return table;
}

template <>
const Table<SnapshotReport>& report_table() {
  static const Table<SnapshotReport> table{{
      field("name", &SnapshotReport::name, words()),
      field("created", &SnapshotReport::created, time()),
      field("incarnation", &SnapshotReport::incarnation, incarnation()),
      field("ours", &SnapshotReport::is_ours, boolean()),
  }};
  return table;
}

template <>
const Table<BackupReport>& report_table() {
  static const Table<BackupReport> table{{
      field("id", &BackupReport::id, words()),
      field("guest", &BackupReport::guest, words()),
      field("uuid", &BackupReport::uuid, uuid()),
      field("incarnation", &BackupReport::incarnation, incarnation()),
      field("taken", &BackupReport::taken, time()),
      field("size", &BackupReport::size, any_size()),
      field("protected", &BackupReport::is_protected, boolean()),
      field("ours", &BackupReport::is_ours, boolean()),
      field("job", &BackupReport::job, words()),
      field("note", &BackupReport::note, words()),
  }};
  return table;
}

template <>
const Table<ImageReport>& report_table() {
  static const Table<ImageReport> table{{
      field("name", &ImageReport::name, words()),
      field("version", &ImageReport::version, words()),
      field("directory", &ImageReport::directory, words()),
      field("size", &ImageReport::size, any_size()),
  }};
  return table;
}

template <>
const Table<ProviderCheck>& report_table() {
  static const Table<ProviderCheck> table{{
      field("what", &ProviderCheck::what, words()),
      field("fine", &ProviderCheck::is_fine, boolean()),
      field("problem", &ProviderCheck::problem, words()),
  }};
  return table;
}

template <>
const Table<ProviderReport>& report_table() {
  static const Table<ProviderReport> table{{
      field("provider", &ProviderReport::provider, words()),
      field("address", &ProviderReport::address, words()),
      field("checks", &ProviderReport::checks, list_of_reports<ProviderCheck>()),
  }};
  return table;
}

template <>
const Table<ImportReport>& report_table() {
  static const Table<ImportReport> table{{
      field("path", &ImportReport::path, words()),
      field("done", &ImportReport::done, any_size()),
      field("total", &ImportReport::total, any_size()),
  }};
  return table;
}

template <>
const Table<TargetReport>& report_table() {
  static const Table<TargetReport> table{{
      field("name", &TargetReport::name, words()),
      field("path", &TargetReport::path, words()),
      field("size", &TargetReport::size, any_size()),
      field("available", &TargetReport::available, any_size()),
      field("problem", &TargetReport::problem, words()),
  }};
  return table;
}

template <>
const Table<ApplyReport>& report_table() {
  static const Table<ApplyReport> table{{
      field("written", &ApplyReport::written, list_of_words()),
      field("plan", &ApplyReport::plan, object(report_table<PlanReport>())),
  }};
  return table;
}

template <>
const Table<RecoverReport>& report_table() {
  static const Table<RecoverReport> table{{
      field("needed", &RecoverReport::is_needed, boolean()),
      field("done", &RecoverReport::is_done, boolean()),
      field("sentences", &RecoverReport::sentences, list_of_words()),
  }};
  return table;
}

template <>
const Table<JobReport>& report_table() {
  static const Table<JobReport> table{{
      field("id", &JobReport::id, words()),
      field("payload", &JobReport::payload, words()),
      field("action", &JobReport::action, words()),
      field("subject", &JobReport::subject, words()),
      field("state", &JobReport::state,
            one_of({JobState::accepted, JobState::running, JobState::done, JobState::refused,
                    JobState::failed})),
      field("code", &JobReport::code, words()),
      field("message", &JobReport::message, words()),
      field("operation", &JobReport::operation, words()),
      field("received", &JobReport::received, time()),
      field("expires", &JobReport::expires, time()),
      field("ended", &JobReport::ended, time()),
  }};
  return table;
}

std::string to_json(const OperationDetail& report) { return print_report(report); }
std::string to_json(const SnapshotReport& report) { return print_report(report); }
std::string to_json(const BackupReport& report) { return print_report(report); }
std::string to_json(const ImageReport& report) { return print_report(report); }
std::string to_json(const ProviderReport& report) { return print_report(report); }
std::string to_json(const TargetReport& report) { return print_report(report); }
std::string to_json(const ApplyReport& report) { return print_report(report); }
std::string to_json(const RecoverReport& report) { return print_report(report); }
std::string to_json(const JobReport& report) { return print_report(report); }
std::string to_json(const std::vector<JobReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<SnapshotReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<BackupReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<ImageReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<ImportReport>& reports) { return print_report(reports); }
std::string to_json(const std::vector<TargetReport>& reports) { return print_report(reports); }

template <class Report>
Result<Report> parse_admin_report(std::string_view json) {
  return read_report<Report>(json);
}

template Result<OperationDetail> parse_admin_report(std::string_view);
template Result<ImageReport> parse_admin_report(std::string_view);
template Result<ApplyReport> parse_admin_report(std::string_view);
template Result<RecoverReport> parse_admin_report(std::string_view);
template Result<JobReport> parse_admin_report(std::string_view);
template Result<std::vector<JobReport>> parse_admin_report(std::string_view);
template Result<std::vector<SnapshotReport>> parse_admin_report(std::string_view);
template Result<std::vector<BackupReport>> parse_admin_report(std::string_view);
template Result<std::vector<ImageReport>> parse_admin_report(std::string_view);
template Result<std::vector<ImportReport>> parse_admin_report(std::string_view);
template Result<ProviderReport> parse_admin_report(std::string_view);
template Result<std::vector<TargetReport>> parse_admin_report(std::string_view);

}  // namespace holdfast
