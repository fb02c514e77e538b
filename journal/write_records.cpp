// SPDX-License-Identifier: Apache-2.0
#include "journal/open_file.hpp"
#include "journal/rows.hpp"
#include "journal/writes.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {
namespace {

constexpr std::int64_t transitions_kept = 5;
constexpr Duration corrections_kept_for = std::chrono::hours{24 * 7};
constexpr Duration tickets_kept_for = std::chrono::hours{24 * 90};  // once closed and expired
// What is refused costs whoever wishes for it nothing, so no more of the closed ones are kept.
constexpr std::int64_t closed_tickets_kept = 1'000;
constexpr Duration gone_kept_for = std::chrono::hours{24 * 90};
constexpr std::int64_t pruned_at_once = 50;

Result<std::optional<ConditionRecord>> find_condition(sqlite::Connection& database,
                                                      std::string_view subject,
                                                      std::string_view type) {
  auto row =
      TRY(database.prepare("SELECT type, status, reason, message, observed_generation, "
                           "changed FROM conditions WHERE subject = ? AND type = ?",
                           subject, type));
  if (!TRY(row.next())) return std::optional<ConditionRecord>{};
  return std::optional{TRY(read_condition(row))};
}

Result<void> add_transition(sqlite::Connection& database, std::string_view subject,
                            const ConditionRecord& condition) {
  TRY(database.run(
      "INSERT INTO condition_transitions(subject, type, status, reason, message, "
      "observed_generation, changed) VALUES(?, ?, ?, ?, ?, ?, ?)",
      subject, condition.type, to_string(condition.status), condition.reason, condition.message,
      static_cast<std::int64_t>(condition.observed_generation), condition.changed));
  return database.run(
      "DELETE FROM condition_transitions WHERE subject = ?1 AND type = ?2 AND id <= "
      "(SELECT id FROM condition_transitions WHERE subject = ?1 AND type = ?2 "
      "ORDER BY id DESC LIMIT 1 OFFSET ?3)",
      subject, condition.type, transitions_kept);
}

// Each failed birth leaves one, every few minutes where nobody looks. No job that names the guest
// is good for so long, and one whose row is not there is a stranger to everybody.
Result<void> prune_gone(sqlite::Connection& database, Time now) {
  return database.run(
      "DELETE FROM provenance WHERE uuid IN (SELECT uuid FROM provenance INDEXED BY "
      "provenance_gone WHERE life = 'gone' AND updated_at < ? LIMIT ?)",
      Time{now - gone_kept_for}, pruned_at_once);
}

}  // namespace

Result<void> Writes::put(const Provenance& provenance) {
  const std::string uuid = to_string(provenance.uuid);
  Provenance next = provenance;
  next.updated_at = now_;
  if (next.created_at == Time{}) next.created_at = now_;
  next.tombstoned_witnessed = next.tombstoned_at ? witnessed_ : Duration{};
  {
    auto row = TRY(database_.prepare(
        "SELECT uuid, incarnation, subject, origin, created_by, life, data_bearing, detail, "
        "created_at, updated_at, tombstoned_at, tombstoned_witnessed FROM provenance WHERE uuid = "
        "?",
        uuid));
    if (TRY(row.next())) {
      Provenance held = TRY(read_provenance(row));
      if (provenance.created_at == Time{}) next.created_at = held.created_at;
      if (held.tombstoned_at == next.tombstoned_at)
        next.tombstoned_witnessed = held.tombstoned_witnessed;
      held.updated_at = now_;
      if (held == next) return ok();
    }
  }
  if (next.life == Life::gone) TRY(prune_gone(database_, now_));
  return database_
      .run(
          "INSERT INTO provenance(uuid, incarnation, subject, origin, created_by, life, "
          "data_bearing, detail, created_at, updated_at, tombstoned_at, tombstoned_witnessed) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT(uuid) DO UPDATE "
          "SET "
          "incarnation = ?2, subject = ?3, origin = ?4, created_by = ?5, life = ?6, "
          "data_bearing = ?7, detail = ?8, created_at = ?9, updated_at = ?10, tombstoned_at = ?11, "
          "tombstoned_witnessed = ?12",
          uuid, static_cast<std::int64_t>(next.incarnation.value), next.subject,
          to_string(next.origin), next.created_by, to_string(next.life),
          std::int64_t{next.data_bearing}, next.detail, next.created_at, next.updated_at,
          next.tombstoned_at, std::int64_t{next.tombstoned_witnessed.count()})
      .context("provenance of " + uuid + " as " + next.subject);
}

Result<void> Writes::accept(const AcceptedState& state) {
  return database_.run(
      "INSERT INTO desired_state(only_row, generation, digest, content, accepted_at) "
      "VALUES(1, ?1, ?2, ?3, ?4) ON CONFLICT(only_row) DO UPDATE SET "
      "generation = ?1, digest = ?2, content = ?3, accepted_at = ?4",
      static_cast<std::int64_t>(state.generation), state.digest, state.content,
      state.accepted_at == Time{} ? now_ : state.accepted_at);
}

Result<void> Writes::put(std::string_view subject, const ConditionRecord& condition) {
  const auto held = TRY(find_condition(database_, subject, condition.type));
  ConditionRecord next = condition;
  const bool is_transition = !held || held->status != condition.status;
  next.changed = is_transition ? now_ : held->changed;
  if (!is_transition && held->reason == next.reason && held->message == next.message &&
      held->observed_generation == next.observed_generation) {
    return ok();
  }
  TRY(
      database_.run("INSERT INTO conditions(subject, type, status, reason, message, "
                    "observed_generation, changed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                    "ON CONFLICT(subject, type) DO UPDATE SET status = ?3, reason = ?4, "
                    "message = ?5, observed_generation = ?6, changed = ?7",
                    subject, next.type, to_string(next.status), next.reason, next.message,
                    static_cast<std::int64_t>(next.observed_generation), next.changed));
  return is_transition ? add_transition(database_, subject, next) : ok();
}

Result<void> Writes::drop_conditions(std::string_view subject) {
  TRY(database_.run("DELETE FROM condition_transitions WHERE subject = ?", subject));
  return database_.run("DELETE FROM conditions WHERE subject = ?", subject);
}

Result<void> Writes::put(const TicketRecord& ticket) {
  return database_
      .run(
          "INSERT INTO tickets(id, subject, key, rule, message, job, effects, created, expires, "
          "is_open) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE "
          "SET subject = ?2, key = ?3, rule = ?4, message = ?5, job = ?6, effects = ?7, "
          "created = ?8, expires = ?9, is_open = ?10 WHERE (subject, key, rule, message, job, "
          "effects, created, expires, is_open) IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
          ticket.id, ticket.subject, ticket.key, ticket.rule, ticket.message, ticket.job,
          ticket.effects, ticket.created, ticket.expires, std::int64_t{ticket.is_open})
      .context("ticket for " + ticket.subject);
}

Result<void> Writes::close_ticket(std::string_view id) {
  TRY(database_.run("UPDATE tickets SET is_open = 0 WHERE id = ? AND is_open = 1", id));
  return database_.run(
      "DELETE FROM tickets WHERE id IN (SELECT id FROM tickets WHERE is_open = 0 AND (expires < ?1 "
      "OR created < (SELECT created FROM tickets WHERE is_open = 0 ORDER BY created DESC "
      "LIMIT 1 OFFSET ?2)) LIMIT ?3)",
      Time{now_ - tickets_kept_for}, closed_tickets_kept - 1, pruned_at_once);
}

Result<void> Writes::corrected(std::string_view subject, std::string_view field) {
  TRY(database_.run("DELETE FROM corrections WHERE at < ?", Time{now_ - corrections_kept_for}));
  return database_.run("INSERT INTO corrections(subject, field, at) VALUES(?, ?, ?)", subject,
                       field, now_);
}

Result<void> Writes::set_fact(std::string_view name, std::string_view value) {
  if (name.substr(0, own_fact_prefix.size()) == own_fact_prefix) {
    return Error{Errc::invalid, "the journal's own fact: " + std::string{name}};
  }
  return database_.run(
      "INSERT INTO facts(name, value) VALUES(?1, ?2) "
      "ON CONFLICT(name) DO UPDATE SET value = ?2 WHERE value <> ?2",
      name, value);
}

}  // namespace holdfast
