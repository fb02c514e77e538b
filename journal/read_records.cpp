// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "journal/audit.hpp"
#include "journal/rows.hpp"
#include "journal/select.hpp"
#include "journal/store.hpp"

namespace holdfast {

using sqlite::Connection;

Result<std::optional<Provenance>> Journal::provenance(const Uuid& uuid) const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_provenance, provenance_columns, "provenance WHERE uuid = ?",
                        to_string(uuid)));
  });
}

Result<std::optional<Provenance>> Journal::owner_of(std::string_view subject) const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_provenance, provenance_columns,
                        "provenance WHERE subject = ? AND life IN ('provisioning', 'live') "
                        "ORDER BY origin = 'foreign' LIMIT 1",
                        subject));
  });
}

Result<std::vector<Provenance>> Journal::all_provenance() const {
  return store_->read([&](Connection& database) {
    return select(
        database, read_provenance, provenance_columns,
        "provenance INDEXED BY provenance_alive WHERE life <> 'gone' ORDER BY subject, uuid");
  });
}

Result<std::optional<AcceptedState>> Journal::accepted() const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_accepted, accepted_columns, "desired_state"));
  });
}

Result<std::vector<ConditionRecord>> Journal::conditions(std::string_view subject) const {
  return store_->read([&](Connection& database) {
    return select(database, read_condition, condition_columns,
                  "conditions WHERE subject = ? ORDER BY type", subject);
  });
}

Result<std::vector<ConditionRecord>> Journal::condition_history(std::string_view subject,
                                                                std::string_view type) const {
  return store_->read([&](Connection& database) {
    return select(database, read_condition, condition_columns,
                  "condition_transitions WHERE subject = ? AND type = ? ORDER BY id DESC", subject,
                  type);
  });
}

Result<std::vector<TicketRecord>> Journal::open_tickets() const {
  return store_->read([&](Connection& database) {
    return select(
        database, read_ticket, ticket_columns,
        "tickets INDEXED BY one_open_ticket_per_key WHERE is_open = 1 ORDER BY created, id");
  });
}

Result<std::optional<TicketRecord>> Journal::ticket(std::string_view id) const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_ticket, ticket_columns, "tickets WHERE id = ?", id));
  });
}

Result<std::vector<AuditEntry>> Journal::audit_tail(std::size_t limit) const {
  return store_->read([&](Connection& database) -> Result<std::vector<AuditEntry>> {
    auto newest_first =
        TRY(select(database, read_audit, audit_columns, "audit ORDER BY sequence DESC LIMIT ?",
                   static_cast<std::int64_t>(limit)));
    std::reverse(newest_first.begin(), newest_first.end());
    return newest_first;
  });
}

Result<void> Journal::verify_audit() const {
  return store_->read([](Connection& database) { return verify_audit_chain(database); });
}

Result<std::map<std::string, std::size_t>> Journal::corrections(std::string_view subject,
                                                                Time since) const {
  using Counts = std::map<std::string, std::size_t>;
  return store_->read([&](Connection& database) -> Result<Counts> {
    auto row = TRY(
        database.prepare("SELECT field, count(*) FROM corrections INDEXED BY corrections_by_field "
                         "WHERE subject = ? AND at >= ? GROUP BY field",
                         subject, since));
    Counts counts;
    while (TRY(row.next())) counts[row.text(0)] = static_cast<std::size_t>(row.integer(1));
    return counts;
  });
}

Result<std::optional<std::string>> Journal::fact(std::string_view name) const {
  return store_->read([&](Connection& database) -> Result<std::optional<std::string>> {
    auto row = TRY(database.prepare("SELECT value FROM facts WHERE name = ?", name));
    if (!TRY(row.next())) return std::optional<std::string>{};
    return std::optional{row.text(0)};
  });
}

}  // namespace holdfast
