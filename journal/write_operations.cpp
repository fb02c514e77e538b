// SPDX-License-Identifier: Apache-2.0
#include "journal/writes.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {
namespace {

// Closed operations are kept until they are older than this and this many are newer, or until so
// many are newer that somebody means harm: whoever writes desired state can have one every moment.
constexpr Duration closed_kept_for = std::chrono::hours{24 * 90};
constexpr std::int64_t closed_kept = 10'000;
constexpr std::int64_t closed_kept_at_most = 100'000;
constexpr std::int64_t pruned_at_once = 50;  // one close must not pay for years of them

// An update that had to change one row, and says what was wrong when it did not.
Result<void> expect_change(const sqlite::Connection& database, OperationId op,
                           std::string_view otherwise) {
  if (database.changed() == 1) return ok();
  return Error{Errc::conflict, to_string(op).append(" ").append(otherwise)};
}

Result<void> prune_closed(sqlite::Connection& database, Time now) {
  const Time horizon = now - closed_kept_for;
  auto oldest =
      TRY(database.prepare("SELECT id, updated, (SELECT max(id) FROM operations) FROM operations "
                           "WHERE state IN ('succeeded', 'rolled_back') ORDER BY id LIMIT 1"));
  // Almost always this says that there is nothing to prune, without counting rows.
  if (!TRY(oldest.next())) return ok();
  const std::int64_t newer = oldest.integer(2) - oldest.integer(0);
  if (newer < closed_kept) return ok();
  if (newer >= closed_kept_at_most)
    return database.run(
        "DELETE FROM operations WHERE id IN (SELECT id FROM operations "
        "WHERE state IN ('succeeded', 'rolled_back') AND id <= ?1 ORDER BY id LIMIT ?2)",
        oldest.integer(2) - closed_kept_at_most, pruned_at_once);
  if (oldest.time(1) >= horizon) return ok();
  return database.run(
      "DELETE FROM operations WHERE id IN (SELECT id FROM operations "
      "WHERE state IN ('succeeded', 'rolled_back') AND updated < ?1 AND id <= "
      "(SELECT id FROM operations WHERE state IN ('succeeded', 'rolled_back') "
      "ORDER BY id DESC LIMIT 1 OFFSET ?2) ORDER BY id LIMIT ?3)",
      horizon, closed_kept, pruned_at_once);
}

}  // namespace

Result<OperationId> Writes::begin(std::string_view kind, std::string_view subject,
                                  std::string_view input, bool forward_only) {
  auto holder = TRY(database_.prepare(
      "SELECT id FROM operations WHERE subject = ? AND state IN ('open', 'rolling_back', 'stuck')",
      subject));
  if (TRY(holder.next())) {
    return Error{Errc::conflict, std::string{subject} + " has an unfinished operation, " +
                                     to_string(OperationId{holder.integer(0)})};
  }
  TRY(database_.run(
      "INSERT INTO operations(kind, subject, input, state, forward_only, started, updated) "
      "VALUES(?1, ?2, ?3, 'open', ?4, ?5, ?5)",
      kind, subject, input, std::int64_t{forward_only}, now_));
  return OperationId{database_.last_id()};
}

Result<void> Writes::begun(OperationId op, std::string_view step, std::string_view input) {
  TRY(
      database_.run("UPDATE operations SET attempts = attempts + 1, updated = ?2 "
                    "WHERE id = ?1 AND state = 'open'",
                    op, now_));
  TRY(expect_change(database_, op, "is not open"));
  TRY(database_.run(
      "INSERT INTO steps(operation, name, position, state, input, begun) "
      "VALUES(?1, ?2, (SELECT count(*) FROM steps WHERE operation = ?1), 'begun', ?3, ?4) "
      "ON CONFLICT(operation, name) DO UPDATE "
      "SET input = excluded.input, begun = excluded.begun, task = '' WHERE state = 'begun'",
      op, step, input, now_));
  return expect_change(database_, op, std::string{step} + " has already ended");
}

Result<void> Writes::task(OperationId op, std::string_view step, std::string_view task) {
  TRY(database_.run(
      "UPDATE steps SET task = ?3 WHERE operation = ?1 AND name = ?2 AND state = 'begun'", op, step,
      task));
  return expect_change(database_, op, std::string{step} + " was not begun");
}

Result<void> Writes::done(OperationId op, std::string_view step, std::string_view output) {
  TRY(
      database_.run("UPDATE operations SET attempts = 0, updated = ?2 "
                    "WHERE id = ?1 AND state = 'open'",
                    op, now_));
  TRY(expect_change(database_, op, "is not open"));
  TRY(
      database_.run("UPDATE steps SET state = 'done', output = ?3, ended = ?4 "
                    "WHERE operation = ?1 AND name = ?2 AND state = 'begun'",
                    op, step, output, now_));
  return expect_change(database_, op, std::string{step} + " was not begun");
}

Result<void> Writes::undone(OperationId op, std::string_view step) {
  TRY(
      database_.run("UPDATE operations SET attempts = 0, updated = ?2 "
                    "WHERE id = ?1 AND state = 'rolling_back'",
                    op, now_));
  TRY(expect_change(database_, op, "is not rolling back"));
  TRY(
      database_.run("UPDATE steps SET state = 'undone', ended = ?3 "
                    "WHERE operation = ?1 AND name = ?2 AND state IN ('begun', 'done')",
                    op, step, now_));
  return expect_change(database_, op, std::string{step} + " has nothing to undo");
}

Result<void> Writes::count_attempt(OperationId op) {
  TRY(
      database_.run("UPDATE operations SET attempts = attempts + 1, updated = ?2 "
                    "WHERE id = ?1 AND state IN ('open', 'rolling_back')",
                    op, now_));
  return expect_change(database_, op, "is not running");
}

Result<void> Writes::uncount_attempt(OperationId op) {
  TRY(
      database_.run("UPDATE operations SET attempts = max(attempts - 1, 0), updated = ?2 "
                    "WHERE id = ?1 AND state IN ('open', 'rolling_back')",
                    op, now_));
  return expect_change(database_, op, "is not running");
}

Result<void> Writes::mark_forward_only(OperationId op) {
  TRY(
      database_.run("UPDATE operations SET forward_only = 1, updated = ?2 "
                    "WHERE id = ?1 AND state = 'open'",
                    op, now_));
  return expect_change(database_, op, "is not open");
}

Result<void> Writes::turn_back(OperationId op, std::string_view cause) {
  TRY(
      database_.run("UPDATE operations SET state = 'rolling_back', turned_back = ?2, stuck = NULL, "
                    "attempts = 0, updated = ?3 WHERE id = ?1 AND forward_only = 0 "
                    "AND turned_back IS NULL AND state IN ('open', 'stuck')",
                    op, cause, now_));
  return expect_change(database_, op, "cannot turn back");
}

Result<void> Writes::stick(OperationId op, std::string_view cause) {
  TRY(
      database_.run("UPDATE operations SET state = 'stuck', stuck = ?2, updated = ?3 "
                    "WHERE id = ?1 AND state IN ('open', 'rolling_back')",
                    op, cause, now_));
  return expect_change(database_, op, "is not running");
}

Result<void> Writes::unstick(OperationId op) {
  TRY(database_.run(
      "UPDATE operations SET state = iif(turned_back IS NULL, 'open', 'rolling_back'), "
      "stuck = NULL, attempts = 0, updated = ?2 WHERE id = ?1 AND state = 'stuck'",
      op, now_));
  return expect_change(database_, op, "is not stuck");
}

Result<void> Writes::close(OperationId op, OperationState outcome) {
  const bool succeeded = outcome == OperationState::succeeded;
  if (!succeeded && outcome != OperationState::rolled_back) {
    return Error{Errc::internal, "an operation cannot end as " + std::string{to_string(outcome)}};
  }
  // Forward every step has to be done, back every step has to be undone.
  TRY(
      database_.run("UPDATE operations SET state = ?2, updated = ?3 WHERE id = ?1 AND state = ?4 "
                    "AND NOT EXISTS(SELECT 1 FROM steps WHERE operation = ?1 AND state <> ?5)",
                    op, to_string(outcome), now_,
                    to_string(succeeded ? OperationState::open : OperationState::rolling_back),
                    to_string(succeeded ? StepState::done : StepState::undone)));
  TRY(expect_change(database_, op, "cannot end as " + std::string{to_string(outcome)}));
  return prune_closed(database_, now_);
}

}  // namespace holdfast
