// SPDX-License-Identifier: Apache-2.0
#include "journal/writes.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {
namespace {

// Ended jobs stay until they are older than this: the hub's if it knows the result, and
// for longer when nobody ever asked. jobs_seen remembers every accepted id for ever.
constexpr Duration ended_kept_for = std::chrono::hours{24 * 30};
constexpr Duration unasked_kept_for = std::chrono::hours{24 * 365};
constexpr std::int64_t pruned_at_once = 50;
// What was turned away costs whoever sends it nothing, so no more than this is kept.
constexpr std::int64_t turned_away_kept = 1'000;

Result<void> prune_ended(sqlite::Connection& database, Time now) {
  const Time known = now - ended_kept_for;
  const Time unasked = now - unasked_kept_for;
  return database.run(
      "DELETE FROM jobs WHERE sequence IN (SELECT sequence FROM jobs WHERE ended_at < ?1 "
      "AND (acknowledged_at IS NOT NULL OR ended_at < ?2) ORDER BY ended_at LIMIT ?3)",
      known, unasked, pruned_at_once);
}

Result<void> prune_turned_away(sqlite::Connection& database) {
  return database.run(
      "DELETE FROM jobs WHERE accepted_at IS NULL AND sequence <= (SELECT sequence FROM jobs "
      "WHERE accepted_at IS NULL ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
      turned_away_kept);
}

Error conflict(std::string_view id, std::string_view why) {
  return Error{Errc::conflict, "job " + std::string{id}.append(" ").append(why)};
}

}  // namespace

Result<void> Writes::job_seen(std::string_view job_id, std::string_view subject) {
  TRY(
      database_.run("INSERT INTO jobs_seen(job_id, subject, seen_at) VALUES(?, ?, ?) "
                    "ON CONFLICT(job_id) DO NOTHING",
                    job_id, subject, now_));
  if (database_.changed() == 1) return ok();
  return conflict(job_id, "was seen before");
}

Result<void> Writes::put_job(const JobRecord& job) {
  const bool is_accepted = job.state == JobState::accepted;
  if (!is_accepted && job.state != JobState::refused)
    return Error{Errc::invalid,
                 "a job arrives accepted or refused, not " + std::string{to_string(job.state)}};
  if (job.payload_sha256.empty() || (is_accepted && job.id.empty()))
    return Error{Errc::invalid, "a job without its id or the hash of its payload"};
  if (is_accepted) TRY(job_seen(job.id, job.subject));
  const std::optional<Time> at = now_;
  const std::optional<Time> never;
  // In place of what was turned away before, under a new sequence: this is its arrival.
  // A refusal that says the same again changes nothing.
  TRY(
      database_.run("DELETE FROM jobs WHERE payload_sha256 = ?1 AND accepted_at IS NULL "
                    "AND (?2 = 1 OR code <> ?3)",
                    job.payload_sha256, std::int64_t{is_accepted}, job.code));
  TRY(database_.run(
      "INSERT INTO jobs(id, payload_sha256, subject, action, envelope, state, code, "
      "message, received_at, accepted_at, expires, ended_at) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
      "ON CONFLICT(payload_sha256) DO NOTHING",
      job.id, job.payload_sha256, job.subject, job.action,
      is_accepted ? job.envelope : std::string{}, to_string(job.state), job.code, job.message, now_,
      is_accepted ? at : never, job.expires, is_accepted ? never : at));
  if (database_.changed() == 0) {
    auto held = TRY(database_.prepare(
        "SELECT 1 FROM jobs WHERE payload_sha256 = ? AND accepted_at IS NULL", job.payload_sha256));
    return TRY(held.next()) ? ok() : conflict(job.id, "was accepted before");
  }
  return is_accepted ? prune_ended(database_, now_) : prune_turned_away(database_);
}

Result<void> Writes::job_running(std::string_view id, OperationId op) {
  TRY(
      database_.run("UPDATE jobs SET state = 'running', operation = ?2 "
                    "WHERE id = ?1 AND state = 'accepted'",
                    id, op));
  return database_.changed() == 1 ? ok() : conflict(id, "does not wait");
}

Result<void> Writes::job_ended(std::string_view id, JobState state, std::string_view code,
                               std::string_view message) {
  if (!has_ended(state))
    return Error{Errc::invalid, "a job cannot end as " + std::string{to_string(state)}};
  TRY(
      database_.run("UPDATE jobs SET state = ?2, code = ?3, message = ?4, ended_at = ?5 "
                    "WHERE id = ?1 AND state IN ('accepted', 'running')",
                    id, to_string(state), code, message, now_));
  return database_.changed() == 1 ? prune_ended(database_, now_)
                                  : conflict(id, "neither waits nor runs");
}

Result<void> Writes::job_acknowledged(std::string_view payload_sha256) {
  return database_.run(
      "UPDATE jobs SET acknowledged_at = ?2 WHERE payload_sha256 = ?1 "
      "AND ended_at IS NOT NULL AND acknowledged_at IS NULL",
      payload_sha256, now_);
}

}  // namespace holdfast
