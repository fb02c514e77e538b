// SPDX-License-Identifier: Apache-2.0
#include "schema/admin_report.hpp"

#include <limits>

#include "schema/field_table.hpp"
#include "schema/report_tables.hpp"

namespace holdfast {
namespace {

Codec<std::string> words() { return text(any_text); }
Codec<std::vector<std::string>> list_of_words() { return list_of(words()); }
Codec<Bytes> size() { return bytes(Bytes{0}, Bytes{std::numeric_limits<std::uint64_t>::max()}); }

const Table<StepReport>& table_of(const StepReport*) {
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

const Table<OperationDetail>& table_of(const OperationDetail*) {
  static const Table<OperationDetail> table{{
      field("operation", &OperationDetail::operation, object(operation_report_table())),
      field("steps", &OperationDetail::steps,
            list_of(object(table_of(static_cast<const StepReport*>(nullptr))))),
  }};
  return table;
}

const Table<SnapshotReport>& table_of(const SnapshotReport*) {
  static const Table<SnapshotReport> table{{
      field("name", &SnapshotReport::name, words()),
      field("created", &SnapshotReport::created, time()),
      field("incarnation", &SnapshotReport::incarnation, incarnation()),
      field("ours", &SnapshotReport::is_ours, boolean()),
  }};
  return table;
}

const Table<ImageReport>& table_of(const ImageReport*) {
  static const Table<ImageReport> table{{
      field("name", &ImageReport::name, words()),
      field("version", &ImageReport::version, words()),
      field("directory", &ImageReport::directory, words()),
      field("size", &ImageReport::size, size()),
  }};
  return table;
}

const Table<ImportReport>& table_of(const ImportReport*) {
  static const Table<ImportReport> table{{
      field("path", &ImportReport::path, words()),
      field("done", &ImportReport::done, size()),
      field("total", &ImportReport::total, size()),
  }};
  return table;
}

const Table<TargetReport>& table_of(const TargetReport*) {
  static const Table<TargetReport> table{{
      field("name", &TargetReport::name, words()),
      field("path", &TargetReport::path, words()),
      field("size", &TargetReport::size, size()),
      field("available", &TargetReport::available, size()),
      field("problem", &TargetReport::problem, words()),
  }};
  return table;
}

const Table<ApplyReport>& table_of(const ApplyReport*) {
  static const Table<ApplyReport> table{{
      field("written", &ApplyReport::written, list_of_words()),
      field("plan", &ApplyReport::plan, object(plan_report_table())),
  }};
  return table;
}

const Table<RecoverReport>& table_of(const RecoverReport*) {
  static const Table<RecoverReport> table{{
      field("needed", &RecoverReport::is_needed, boolean()),
      field("done", &RecoverReport::is_done, boolean()),
      field("sentences", &RecoverReport::sentences, list_of_words()),
  }};
  return table;
}

const Table<JobReport>& table_of(const JobReport*) {
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

template <class T>
Codec<T> codec_of(const T* kind) {
  return object(table_of(kind));
}

template <class T>
Codec<std::vector<T>> codec_of(const std::vector<T>*) {
  return list_of(object(table_of(static_cast<const T*>(nullptr))));
}

template <class T>
std::string print(const T& report) {
  static const auto codec = codec_of(static_cast<const T*>(nullptr));
  return codec.print(report).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const OperationDetail& report) { return print(report); }
std::string to_json(const SnapshotReport& report) { return print(report); }
std::string to_json(const ImageReport& report) { return print(report); }
std::string to_json(const TargetReport& report) { return print(report); }
std::string to_json(const ApplyReport& report) { return print(report); }
std::string to_json(const RecoverReport& report) { return print(report); }
std::string to_json(const JobReport& report) { return print(report); }
std::string to_json(const std::vector<JobReport>& reports) { return print(reports); }
std::string to_json(const std::vector<SnapshotReport>& reports) { return print(reports); }
std::string to_json(const std::vector<ImageReport>& reports) { return print(reports); }
std::string to_json(const std::vector<ImportReport>& reports) { return print(reports); }
std::string to_json(const std::vector<TargetReport>& reports) { return print(reports); }

template <class Report>
Result<Report> parse_admin_report(std::string_view json) {
  static const auto codec = codec_of(static_cast<const Report*>(nullptr));
  const auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return Error{Errc::invalid, "report: found something that is not JSON"};
  Problems problems{Problems::Reading::tolerant};
  Report report{};
  codec.read(tree, report, problems);
  if (!problems.empty()) return problems.error("report");
  return report;
}

template Result<OperationDetail> parse_admin_report(std::string_view);
template Result<ImageReport> parse_admin_report(std::string_view);
template Result<ApplyReport> parse_admin_report(std::string_view);
template Result<RecoverReport> parse_admin_report(std::string_view);
template Result<JobReport> parse_admin_report(std::string_view);
template Result<std::vector<JobReport>> parse_admin_report(std::string_view);
template Result<std::vector<SnapshotReport>> parse_admin_report(std::string_view);
template Result<std::vector<ImageReport>> parse_admin_report(std::string_view);
template Result<std::vector<ImportReport>> parse_admin_report(std::string_view);
template Result<std::vector<TargetReport>> parse_admin_report(std::string_view);

}  // namespace holdfast
