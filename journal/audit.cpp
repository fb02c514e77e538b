// SPDX-License-Identifier: Apache-2.0
#include "journal/audit.hpp"

#include <charconv>

#include "base/sha256.hpp"
#include "journal/rows.hpp"
#include "journal/writes.hpp"

namespace holdfast {
namespace {

constexpr std::string_view head_fact = "journal.audit_head";

// Where the chain ends: how many entries there are, and the hash of the last.
struct Head {
  std::int64_t sequence = 0;
  std::string hash = std::string(64, '0');

  std::string text() const { return std::to_string(sequence) + " " + hash; }
};

// A field as its length in decimal, a colon, its bytes: no two lists of fields give the
// same text. The format is documented in docs/design/journal.md; it is never changed.
void add_field(std::string& text, std::string_view field) {
  text.append(std::to_string(field.size())).append(":").append(field);
}

std::string hash_of(const AuditEntry& entry) {
  std::string text;
  add_field(text, "holdfast-audit-1");
  add_field(text, entry.previous);
  add_field(text, std::to_string(entry.sequence));
  add_field(text, to_string(entry.at));
  add_field(text, entry.kind);
  add_field(text, entry.subject);
  add_field(text, entry.detail);
  return to_hex(sha256(text));
}

Result<Head> stored_head(sqlite::Connection& database) {
  auto row = TRY(database.prepare("SELECT value FROM facts WHERE name = ?", head_fact));
  if (!TRY(row.next())) return Head{};
  const std::string text = row.text(0);
  const std::size_t space = text.find(' ');
  Head head;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), head.sequence);
  if (parsed.ec != std::errc{} || space == std::string::npos) {
    return Error{Errc::corrupt, "the head of the audit chain is unreadable: " + text};
  }
  head.hash = text.substr(space + 1);
  return head;
}

Error broken(std::int64_t sequence, std::string_view how) {
  return Error{Errc::corrupt, "audit entry " + std::to_string(sequence) + " " + std::string{how}};
}

}  // namespace

Result<void> Writes::audit(std::string_view kind, std::string_view subject,
                           std::string_view detail) {
  // From the recorded head, not from the last row: where entries were removed the chain
  // keeps its gap, and goes on.
  const Head head = TRY(stored_head(database_));
  AuditEntry entry;
  entry.sequence = head.sequence + 1;
  entry.at = now_;
  entry.kind = kind;
  entry.subject = subject;
  entry.detail = detail;
  entry.previous = head.hash;
  entry.hash = hash_of(entry);
  TRY(
      database_.run("INSERT INTO audit(sequence, at, kind, subject, detail, previous, hash) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?)",
                    entry.sequence, entry.at, kind, subject, detail, entry.previous, entry.hash));
  const std::string next_head = Head{entry.sequence, entry.hash}.text();
  return database_.run(
      "INSERT INTO facts(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
      head_fact, next_head);
}

Result<void> verify_audit_chain(sqlite::Connection& database) {
  Head head;
  auto rows = TRY(database.prepare(
      "SELECT sequence, at, kind, subject, detail, previous, hash FROM audit ORDER BY sequence"));
  while (TRY(rows.next())) {
    const AuditEntry entry = TRY(read_audit(rows));
    if (entry.sequence != head.sequence + 1) return broken(head.sequence + 1, "is missing");
    if (entry.previous != head.hash)
      return broken(entry.sequence, "does not follow the one before");
    if (entry.hash != hash_of(entry)) return broken(entry.sequence, "was changed");
    head = Head{entry.sequence, entry.hash};
  }
  const std::string expected = TRY(stored_head(database)).text();
  if (expected == head.text()) return ok();
  return Error{Errc::corrupt, "the audit chain ends at entry " + std::to_string(head.sequence) +
                                  ", but its recorded head is " + expected};
}

}  // namespace holdfast
