// SPDX-License-Identifier: Apache-2.0
#include "hub/sqlite_tables.hpp"

#include <memory>
#include <utility>

namespace holdfast::hub {
namespace {

using sqlite::Connection;
using sqlite::Statement;

class Keys final : public KeyTable {
 public:
  explicit Keys(Connection& database) : db_{database} {}

  Result<void> add(const Operator& who) override {
    auto rows = TRY(db_.prepare("SELECT 1 FROM operators WHERE name = ?", who.name));
    if (TRY(rows.next()))
      return Error{Errc::conflict, "there is an operator " + who.name + " already"};
    return db_.run("INSERT INTO operators(name, key_hash, role, created) VALUES(?, ?, ?, ?)",
                   who.name, who.key_hash,
                   std::string_view{who.role == Role::viewer ? "viewer" : "operator"}, who.created);
  }
  Result<void> remove(std::string_view name) override {
    TRY(db_.run("DELETE FROM operators WHERE name = ?", name));
    if (db_.changed() == 0)
      return Error{Errc::not_found, "there is no operator " + std::string{name}};
    return ok();
  }
  Result<std::optional<Operator>> find(std::string_view key_hash) override {
    auto rows = TRY(db_.prepare(
        "SELECT name, key_hash, role, created FROM operators WHERE key_hash = ?", key_hash));
    if (!TRY(rows.next())) return std::optional<Operator>{};
    return std::optional{read(rows)};
  }
  Result<std::vector<Operator>> all() override {
    auto rows =
        TRY(db_.prepare("SELECT name, key_hash, role, created FROM operators ORDER BY name"));
    std::vector<Operator> found;
    while (TRY(rows.next())) found.push_back(read(rows));
    return found;
  }
  Result<void> add(const Token& token) override {
    return db_.run("INSERT INTO enroll_tokens(token_hash, author, expires) VALUES(?, ?, ?)",
                   token.hash, token.author, token.expires);
  }
  Result<std::optional<Token>> token(std::string_view hash) override {
    auto rows = TRY(
        db_.prepare("SELECT author, expires, spent FROM enroll_tokens WHERE token_hash = ?", hash));
    if (!TRY(rows.next())) return std::optional<Token>{};
    Token token{std::string{hash}, rows.text(0), rows.time(1), {}};
    if (!rows.is_null(2)) token.spent = rows.time(2);
    return std::optional{std::move(token)};
  }
  Result<void> spend(std::string_view token_hash, std::string_view host, Time now) override {
    return db_.run("UPDATE enroll_tokens SET spent = ?, host = ? WHERE token_hash = ?", now, host,
                   token_hash);
  }
  Result<void> forget(Time before) override {
    return db_.run("DELETE FROM enroll_tokens WHERE expires < ?", before);
  }

 private:
  static Operator read(const Statement& row) {
    return {row.text(0), row.text(1), row.text(2) == "viewer" ? Role::viewer : Role::editor,
            row.time(3)};
  }
  Connection& db_;
};

class Generations final : public GenerationTable {
 public:
  explicit Generations(Connection& database) : db_{database} {}

  Result<void> add(std::string_view host, const Generation& generation) override {
    return db_.run(
        "INSERT INTO generations(host, generation, digest, created, author, comment, envelope) "
        "VALUES(?, ?, ?, ?, ?, ?, ?)",
        host, static_cast<std::int64_t>(generation.generation), generation.digest,
        generation.created, generation.author, generation.comment, generation.envelope);
  }
  Result<std::vector<Generation>> list(std::string_view host, std::size_t limit) override {
    auto rows =
        TRY(db_.prepare("SELECT generation, digest, created, author, comment, '' FROM generations "
                        "WHERE host = ? ORDER BY generation DESC LIMIT ?",
                        host, static_cast<std::int64_t>(limit)));
    std::vector<Generation> found;
    while (TRY(rows.next())) found.push_back(read(rows));
    return found;
  }
  Result<std::optional<Generation>> find(std::string_view host, std::uint64_t generation) override {
    auto rows = TRY(db_.prepare(
        "SELECT generation, digest, created, author, comment, envelope FROM generations "
        "WHERE host = ? AND generation = ?",
        host, static_cast<std::int64_t>(generation)));
    if (!TRY(rows.next())) return std::optional<Generation>{};
    return std::optional{read(rows)};
  }
  Result<std::optional<Generation>> newest(std::string_view host) override {
    auto rows = TRY(db_.prepare(
        "SELECT generation, digest, created, author, comment, envelope FROM generations "
        "WHERE host = ? ORDER BY generation DESC LIMIT 1",
        host));
    if (!TRY(rows.next())) return std::optional<Generation>{};
    return std::optional{read(rows)};
  }
  Result<void> forget(std::size_t kept) override {
    return db_.run(
        "DELETE FROM generations WHERE (host, generation) IN (SELECT host, generation FROM "
        "(SELECT host, generation, row_number() OVER (PARTITION BY host ORDER BY generation DESC) "
        "AS place FROM generations) WHERE place > ?) AND generation IS NOT "
        "(SELECT generation FROM reports WHERE reports.host = generations.host)",
        static_cast<std::int64_t>(kept));
  }

 private:
  static Generation read(const Statement& row) {
    return {static_cast<std::uint64_t>(row.integer(0)),
            row.text(1),
            row.time(2),
            row.text(3),
            row.text(4),
            row.text(5)};
  }
  Connection& db_;
};

class Facts final : public FactTable {
 public:
  explicit Facts(Connection& database) : db_{database} {}
  Result<void> set(std::string_view name, std::string_view value) override {
    return db_.run(
        "INSERT INTO facts(name, value) VALUES(?, ?) "
        "ON CONFLICT(name) DO UPDATE SET value = excluded.value",
        name, value);
  }
  Result<std::optional<std::string>> get(std::string_view name) override {
    auto rows = TRY(db_.prepare("SELECT value FROM facts WHERE name = ?", name));
    if (!TRY(rows.next())) return std::optional<std::string>{};
    return std::optional{rows.text(0)};
  }

 private:
  Connection& db_;
};

}  // namespace

std::unique_ptr<KeyTable> key_table(Connection& database) {
  return std::make_unique<Keys>(database);
}
std::unique_ptr<GenerationTable> generation_table(Connection& database) {
  return std::make_unique<Generations>(database);
}
std::unique_ptr<FactTable> fact_table(Connection& database) {
  return std::make_unique<Facts>(database);
}

struct SqliteTables::Parts {
  explicit Parts(Connection& database)
      : keys{key_table(database)},
        hosts{host_table(database)},
        generations{generation_table(database)},
        jobs{job_table(database)},
        alerts{alert_table(database)},
        facts{fact_table(database)} {}

  std::unique_ptr<KeyTable> keys;
  std::unique_ptr<HostTable> hosts;
  std::unique_ptr<GenerationTable> generations;
  std::unique_ptr<JobTable> jobs;
  std::unique_ptr<AlertTable> alerts;
  std::unique_ptr<FactTable> facts;
};

SqliteTables::SqliteTables(Connection& database) : parts_{std::make_unique<Parts>(database)} {}
SqliteTables::~SqliteTables() = default;

Tables SqliteTables::tables() {
  return {*parts_->keys, *parts_->hosts,  *parts_->generations,
          *parts_->jobs, *parts_->alerts, *parts_->facts};
}

}  // namespace holdfast::hub
