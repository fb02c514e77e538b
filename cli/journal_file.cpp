// SPDX-License-Identifier: Apache-2.0
#include "cli/journal_file.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/redact.hpp"

namespace holdfast::cli {
namespace {

using Json = nlohmann::json;

std::string time_text(Time time) { return time == Time{} ? "" : to_string(time); }

void add_line(std::string& text, const Json& json) {
  text += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json json_of(const Operation& operation, const std::vector<StepRecord>& steps) {
  Json json{{"type", "operation"},
            {"id", to_string(operation.id)},
            {"kind", operation.kind},
            {"subject", operation.subject},
            {"state", to_string(operation.state)},
            {"forwardOnly", operation.forward_only},
            {"attempts", operation.attempts},
            {"cause", operation.cause},
            {"started", time_text(operation.started)},
            {"updated", time_text(operation.updated)},
            {"input", without_secrets(operation.input)},
            {"steps", Json::array()}};
  for (const auto& step : steps)
    json["steps"].push_back({{"name", step.name},
                             {"state", to_string(step.state)},
                             {"task", step.task},
                             {"begun", time_text(step.begun)},
                             {"ended", time_text(step.ended)},
                             {"input", without_secrets(step.input)},
                             {"output", without_secrets(step.output)}});
  return json;
}

Result<void> export_conditions(const Journal& journal, const std::string& subject,
                               std::string& text) {
  for (const auto& condition : TRY(journal.conditions(subject)))
    add_line(text, {{"type", "condition"},
                    {"subject", subject},
                    {"condition", condition.type},
                    {"status", to_string(condition.status)},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"observedGeneration", condition.observed_generation},
                    {"changed", time_text(condition.changed)}});
  return ok();
}

Result<void> export_state(const Journal& journal, std::string& text) {
  std::set<std::string> subjects{"host"};
  for (const auto& row : TRY(journal.all_provenance())) {
    subjects.insert(row.subject);
    add_line(text, {{"type", "provenance"},
                    {"uuid", to_string(row.uuid)},
                    {"incarnation", row.incarnation.value},
                    {"subject", row.subject},
                    {"origin", to_string(row.origin)},
                    {"life", to_string(row.life)},
                    {"dataBearing", row.data_bearing},
                    {"createdBy", to_string(row.created_by)},
                    {"createdAt", time_text(row.created_at)},
                    {"updatedAt", time_text(row.updated_at)},
                    {"detail", without_secrets(row.detail)}});
  }
  if (const auto state = TRY(journal.accepted()))
    add_line(text, {{"type", "accepted"},
                    {"generation", state->generation},
                    {"digest", state->digest},
                    {"acceptedAt", time_text(state->accepted_at)},
                    {"content", without_secrets(state->content)}});
  for (const auto& subject : subjects) TRY(export_conditions(journal, subject, text));
  return ok();
}

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(const std::string& state_dir, const Clock& clock) {
  JournalOptions options;
  options.path = state_dir + "/holdfast.db";
  options.writer = JournalOptions::Writer::inline_writer;
  options.read_only = true;
  auto journal = Journal::open(options, clock);
  if (journal) return journal;
  const auto& error = journal.error();
  if (error.code() == Errc::not_found)
    return Error{Errc::not_found, "there is no journal at " + options.path +
                                      "; name the daemon's state directory with --state-dir"};
  if (error.code() == Errc::corrupt)
    return Error{Errc::corrupt, error.message() +
                                    "; holdfastd keeps it aside when it starts and only observes, "
                                    "until `holdfast recover` has rebuilt it"};
  return journal;
}

Result<std::string> export_journal(const Journal& journal) {
  constexpr auto all = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  std::string text;
  auto operations = TRY(journal.recent("", all));
  std::reverse(operations.begin(), operations.end());
  for (const auto& operation : operations)
    add_line(text, json_of(operation, TRY(journal.steps(operation.id))));
  TRY(export_state(journal, text));
  for (const auto& ticket : TRY(journal.open_tickets()))
    add_line(text, {{"type", "ticket"},
                    {"id", ticket.id},
                    {"subject", ticket.subject},
                    {"rule", ticket.rule},
                    {"message", ticket.message},
                    {"job", ticket.job},
                    {"created", time_text(ticket.created)}});
  for (const auto& entry : TRY(journal.audit_tail(all)))
    add_line(text, {{"type", "audit"},
                    {"sequence", entry.sequence},
                    {"at", time_text(entry.at)},
                    {"kind", entry.kind},
                    {"subject", entry.subject},
                    {"detail", without_secrets(entry.detail)},
                    {"hash", entry.hash}});
  return text;
}

}  // namespace holdfast::cli
