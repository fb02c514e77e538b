// SPDX-License-Identifier: Apache-2.0
#include "journal/rows.hpp"

#include <array>

namespace holdfast {
namespace {

// The enumerator among `all` whose word is in `column`.
template <class Enum, std::size_t count>
Result<Enum> parse_word(const std::string& word, const std::array<Enum, count>& all) {
  for (const Enum value : all) {
    if (to_string(value) == word) return value;
  }
  return Error{Errc::corrupt, "the journal holds an unknown word: " + word};
}

constexpr std::array operation_states{OperationState::open, OperationState::rolling_back,
                                      OperationState::succeeded, OperationState::rolled_back,
                                      OperationState::stuck};
constexpr std::array step_states{StepState::pending, StepState::begun, StepState::done,
                                 StepState::undone};
constexpr std::array origins{Origin::created, Origin::scratch, Origin::adopted, Origin::foreign};
constexpr std::array lives{Life::provisioning, Life::live, Life::tombstone, Life::gone};
constexpr std::array job_states{JobState::accepted, JobState::running, JobState::done,
                                JobState::refused, JobState::failed};
constexpr std::array statuses{ConditionStatus::yes, ConditionStatus::no, ConditionStatus::unknown};

std::optional<Time> time_or_none(const sqlite::Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional{row.time(column)};
}

}  // namespace

Result<Operation> read_operation(const sqlite::Statement& row) {
  Operation op;
  op.id = OperationId{row.integer(0)};
  op.kind = row.text(1);
  op.subject = row.text(2);
  op.input = row.text(3);
  op.state = TRY(parse_word(row.text(4), operation_states));
  op.forward_only = row.integer(5) != 0;
  op.attempts = static_cast<int>(row.integer(6));
  op.cause = row.text(7);
  op.started = row.time(8);
  op.updated = row.time(9);
  return op;
}

Result<StepRecord> read_step(const sqlite::Statement& row) {
  StepRecord step;
  step.name = row.text(0);
  step.state = TRY(parse_word(row.text(1), step_states));
  step.input = row.text(2);
  step.output = row.text(3);
  step.task = row.text(4);
  step.begun = row.time(5);
  step.ended = row.time(6);
  return step;
}

Result<Provenance> read_provenance(const sqlite::Statement& row) {
  Provenance item;
  auto uuid = Uuid::parse(row.text(0));
  if (!uuid) return Error{Errc::corrupt, "the journal holds a bad UUID: " + row.text(0)};
  item.uuid = *uuid;
  item.incarnation = Incarnation{static_cast<std::uint64_t>(row.integer(1))};
  item.subject = row.text(2);
  item.origin = TRY(parse_word(row.text(3), origins));
  item.created_by = OperationId{row.integer(4)};
  item.life = TRY(parse_word(row.text(5), lives));
  item.data_bearing = row.integer(6) != 0;
  item.detail = row.text(7);
  item.created_at = row.time(8);
  item.updated_at = row.time(9);
  item.tombstoned_at = time_or_none(row, 10);
  item.tombstoned_witnessed = Duration{row.integer(11)};
  return item;
}

Result<ConditionRecord> read_condition(const sqlite::Statement& row) {
  ConditionRecord condition;
  condition.type = row.text(0);
  condition.status = TRY(parse_word(row.text(1), statuses));
  condition.reason = row.text(2);
  condition.message = row.text(3);
  condition.observed_generation = static_cast<std::uint64_t>(row.integer(4));
  condition.changed = row.time(5);
  return condition;
}

Result<TicketRecord> read_ticket(const sqlite::Statement& row) {
  TicketRecord ticket;
  ticket.id = row.text(0);
  ticket.subject = row.text(1);
  ticket.key = row.text(2);
  ticket.rule = row.text(3);
  ticket.message = row.text(4);
  ticket.job = row.text(5);
  ticket.effects = row.text(6);
  ticket.created = row.time(7);
  ticket.expires = row.time(8);
  ticket.is_open = row.integer(9) != 0;
  return ticket;
}

Result<JobRecord> read_job(const sqlite::Statement& row) {
  JobRecord job;
  job.id = row.text(0);
  job.payload_sha256 = row.text(1);
  job.subject = row.text(2);
  job.action = row.text(3);
  job.envelope = row.text(4);
  job.state = TRY(parse_word(row.text(5), job_states));
  job.code = row.text(6);
  job.message = row.text(7);
  job.operation = OperationId{row.integer(8)};
  job.received_at = row.time(9);
  job.accepted_at = time_or_none(row, 10);
  job.expires = row.time(11);
  job.ended_at = time_or_none(row, 12);
  job.acknowledged_at = time_or_none(row, 13);
  return job;
}

Result<AuditEntry> read_audit(const sqlite::Statement& row) {
  AuditEntry entry;
  entry.sequence = row.integer(0);
  entry.at = row.time(1);
  entry.kind = row.text(2);
  entry.subject = row.text(3);
  entry.detail = row.text(4);
  entry.previous = row.text(5);
  entry.hash = row.text(6);
  return entry;
}

Result<AcceptedState> read_accepted(const sqlite::Statement& row) {
  AcceptedState state;
  state.generation = static_cast<std::uint64_t>(row.integer(0));
  state.digest = row.text(1);
  state.content = row.text(2);
  state.accepted_at = row.time(3);
  return state;
}

}  // namespace holdfast
