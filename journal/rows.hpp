// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "journal/operation.hpp"
#include "journal/records.hpp"
#include "sqlite/statement.hpp"

namespace holdfast {

// Rows as structs. Each list of columns is read by the function below it; a word that the
// program does not know is Errc::corrupt.

constexpr std::string_view operation_columns =
    "id, kind, subject, input, state, forward_only, attempts, "
    "coalesce(stuck, turned_back, ''), started, updated";
Result<Operation> read_operation(const sqlite::Statement& row);

constexpr std::string_view step_columns = "name, state, input, output, task, begun, ended";
Result<StepRecord> read_step(const sqlite::Statement& row);

constexpr std::string_view provenance_columns =
    "uuid, incarnation, subject, origin, created_by, life, data_bearing, detail, created_at, "
    "updated_at, tombstoned_at, tombstoned_witnessed";
Result<Provenance> read_provenance(const sqlite::Statement& row);

constexpr std::string_view condition_columns =
    "type, status, reason, message, observed_generation, changed";
Result<ConditionRecord> read_condition(const sqlite::Statement& row);

constexpr std::string_view ticket_columns =
    "id, subject, key, rule, message, job, effects, created, expires, is_open";
Result<TicketRecord> read_ticket(const sqlite::Statement& row);

constexpr std::string_view job_columns =
    "id, payload_sha256, subject, action, envelope, state, code, message, operation, "
    "received_at, accepted_at, expires, ended_at, acknowledged_at";
Result<JobRecord> read_job(const sqlite::Statement& row);

constexpr std::string_view audit_columns = "sequence, at, kind, subject, detail, previous, hash";
Result<AuditEntry> read_audit(const sqlite::Statement& row);

constexpr std::string_view accepted_columns = "generation, digest, content, accepted_at";
Result<AcceptedState> read_accepted(const sqlite::Statement& row);

}  // namespace holdfast
