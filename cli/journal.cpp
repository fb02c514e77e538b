// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/journal_file.hpp"
#include "cli/redact.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

using Json = nlohmann::json;

OperationDetail report_of(const Operation& operation, const std::vector<StepRecord>& steps) {
  OperationDetail detail;
  OperationReport& report = detail.operation;
  report.id = to_string(operation.id);
  report.kind = operation.kind;
  report.subject = operation.subject;
  report.state = to_string(operation.state);
  report.attempts = static_cast<std::uint32_t>(std::max(operation.attempts, 0));
  report.started = operation.started;
  report.updated = operation.updated;
  report.cause = operation.cause;
  for (const auto& step : steps) {
    if (step.state == StepState::begun || report.step.empty()) report.step = step.name;
    detail.steps.push_back({step.name, std::string{to_string(step.state)},
                            without_secrets(step.input), without_secrets(step.output), step.task,
                            step.begun, step.ended});
  }
  if (!steps.empty() && operation.state == OperationState::succeeded)
    report.step = steps.back().name;
  return detail;
}

Table audit_table(const std::vector<AuditEntry>& entries) {
  Table table{{"SEQUENCE", "TIME", "KIND", "SUBJECT", "DETAIL"}};
  for (const auto& entry : entries)
    table.add({std::to_string(entry.sequence), to_string(entry.at), entry.kind, entry.subject,
               entry.detail});
  return table;
}

std::string audit_json(const std::vector<AuditEntry>& entries) {
  auto list = Json::array();
  for (const auto& entry : entries)
    list.push_back({{"sequence", entry.sequence},
                    {"at", to_string(entry.at)},
                    {"kind", entry.kind},
                    {"subject", entry.subject},
                    {"detail", entry.detail},
                    {"previous", entry.previous},
                    {"hash", entry.hash}});
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<Exit> journal_list(const Invocation& invocation, const OfflineOptions& options) {
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  std::vector<OperationReport> reports;
  for (const auto& operation : TRY(journal->recent(options.subject, options.limit)))
    reports.push_back(report_of(operation, TRY(journal->steps(operation.id))).operation);
  TRY(invocation.show(to_json(reports), [&]() -> std::string {
    const bool is_wide = invocation.format() == Format::wide;
    if (!reports.empty())
      return operations_table(reports, invocation.now(), is_wide).render(invocation.style());
    invocation.say("no operations");
    return {};
  }));
  return Exit::done;
}

Result<Exit> journal_show(const Invocation& invocation, const OfflineOptions& options,
                          const std::string& id) {
  const auto number = TRY(parse_operation_id(id));
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  const auto operation = TRY(journal->operation(number));
  const auto detail = report_of(operation, TRY(journal->steps(number)));
  TRY(invocation.show(to_json(detail), [&] {
    return describe_operation(detail, invocation.now(), invocation.style());
  }));
  return Exit::done;
}

Result<Exit> journal_verify(const Invocation& invocation, const OfflineOptions& options) {
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  TRY(journal->verify().context("the journal in " + options.state_dir));
  TRY(invocation.show(R"({"valid":true})", [&] {
    return "the journal in " + options.state_dir + " is whole, and so is its audit chain\n";
  }));
  return Exit::done;
}

Result<Exit> journal_export(const Invocation& invocation, const OfflineOptions& options) {
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  invocation.environment().out << TRY(export_journal(*journal)) << std::flush;
  return Exit::done;
}

Result<Exit> audit_tail(const Invocation& invocation, const OfflineOptions& options) {
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  const auto entries = TRY(journal->audit_tail(options.limit));
  TRY(invocation.show(audit_json(entries), [&]() -> std::string {
    if (!entries.empty()) return audit_table(entries).render(invocation.style());
    invocation.say("no audit entries");
    return {};
  }));
  return Exit::done;
}

Result<Exit> audit_verify(const Invocation& invocation, const OfflineOptions& options) {
  const auto journal = TRY(open_journal(options.state_dir, invocation.environment().clock));
  TRY(journal->verify_audit());
  const auto last = TRY(journal->audit_tail(1));
  const std::string head = last.empty() ? "" : last.back().hash;
  const std::int64_t count = last.empty() ? 0 : last.back().sequence;
  TRY(invocation.show(Json{{"valid", true}, {"entries", count}, {"head", head}}.dump(), [&] {
    return "the audit chain is whole: " + std::to_string(count) + " entries" +
           (head.empty() ? "" : ", head " + head) + "\n";
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
