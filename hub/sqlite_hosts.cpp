// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "hub/heartbeat_log.hpp"
#include "hub/sqlite_tables.hpp"
#include "schema/base64.hpp"

namespace holdfast::hub {
namespace {

using sqlite::Connection;
using sqlite::Statement;

std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t natural(std::int64_t value) { return static_cast<std::uint64_t>(value); }

class Hosts final : public HostTable {
 public:
  explicit Hosts(Connection& database) : db_{database} {}

  Result<void> put(const Host& host) override {
    return db_.run(
        "INSERT INTO hosts(id, hostname, version, key_hash, enrolled) VALUES(?, ?, ?, ?, ?) "
        "ON CONFLICT(id) DO UPDATE SET hostname = excluded.hostname, version = excluded.version, "
        "key_hash = excluded.key_hash, enrolled = excluded.enrolled",
        host.id, host.hostname, host.version, host.key_hash, host.enrolled);
  }
  Result<void> remove(std::string_view id) override {
    TRY(fold_log(db_));
    TRY(db_.run("DELETE FROM heartbeats WHERE host = ?", id));
    return db_.run("DELETE FROM hosts WHERE id = ?", id);
  }
  Result<std::vector<Host>> all() override {
    auto rows =
        TRY(db_.prepare("SELECT id, hostname, version, key_hash, enrolled FROM hosts ORDER BY id"));
    std::vector<Host> found;
    while (TRY(rows.next()))
      found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.time(4)});
    return found;
  }
  Result<std::vector<Beat>> beats() override { return newest_beats(db_); }
  Result<void> put(std::string_view id, const Standing& standing) override {
    return db_.run(
        "INSERT INTO leases(host, liveness, stalled) VALUES(?, ?, ?) ON CONFLICT(host) DO UPDATE "
        "SET liveness = excluded.liveness, stalled = excluded.stalled",
        id, name_of(standing.liveness), std::int64_t{standing.is_stalled ? 1 : 0});
  }
  Result<std::optional<Standing>> standing(std::string_view id) override {
    auto rows = TRY(db_.prepare("SELECT liveness, stalled FROM leases WHERE host = ?", id));
    if (!TRY(rows.next())) return std::optional<Standing>{};
    Standing standing;
    for (const auto liveness : {Liveness::alive, Liveness::late, Liveness::dead})
      if (rows.text(0) == name_of(liveness)) standing.liveness = liveness;
    standing.is_stalled = rows.integer(1) != 0;
    return std::optional{standing};
  }
  Result<void> put(std::string_view id, const HostState& state) override {
    return db_.run(
        "INSERT INTO reports(host, at, generation, digest, report) VALUES(?, ?, ?, ?, ?) "
        "ON CONFLICT(host) DO UPDATE SET at = excluded.at, generation = excluded.generation, "
        "digest = excluded.digest, report = excluded.report",
        id, state.reported, whole(state.held.generation), state.held.digest, state.report);
  }
  Result<std::optional<HostState>> state(std::string_view id) override {
    auto rows =
        TRY(db_.prepare("SELECT at, generation, digest, report FROM reports WHERE host = ?", id));
    if (!TRY(rows.next())) return std::optional<HostState>{};
    HostState state;
    if (!rows.is_null(0)) state.reported = rows.time(0);
    state.held = {natural(rows.integer(1)), rows.text(2)};
    state.report = rows.text(3);
    return std::optional{std::move(state)};
  }

 private:
  Connection& db_;
};

// Armored signatures have no NUL, and lines of their own: one after another, ended by NUL.
std::string joined(const std::vector<std::string>& signatures) {
  std::string all;
  for (const auto& signature : signatures) all.append(signature).push_back('\0');
  return to_base64(all);
}

Result<std::vector<std::string>> split(const std::string& text) {
  const auto all = TRY(parse_base64(text));
  std::vector<std::string> signatures;
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\0', at), all.size());
    signatures.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return signatures;
}

class Jobs final : public JobTable {
 public:
  explicit Jobs(Connection& database) : db_{database} {}

  Result<void> put(std::string_view host, const StoredJob& job) override {
    return db_.run(
        "INSERT INTO jobs(host, digest, payload, signatures, author, created, state, updated, "
        "job, code, message, operation) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(host, digest) DO UPDATE SET payload = excluded.payload, "
        "signatures = excluded.signatures, state = excluded.state, updated = excluded.updated, "
        "job = excluded.job, code = excluded.code, message = excluded.message, "
        "operation = excluded.operation",
        host, job.digest, to_base64(job.envelope.payload), joined(job.envelope.signatures),
        job.author, job.created, job.state, job.updated, job.job, job.code, job.message,
        job.operation);
  }
  Result<std::optional<StoredJob>> find(std::string_view host, std::string_view digest) override {
    auto rows =
        TRY(db_.prepare(std::string{columns} + "WHERE host = ? AND digest = ?", host, digest));
    if (!TRY(rows.next())) return std::optional<StoredJob>{};
    return std::optional{TRY(read(rows))};
  }
  Result<std::vector<StoredJob>> list(std::string_view host, std::size_t limit) override {
    return read_all(
        TRY(db_.prepare(std::string{columns} + "WHERE host = ? ORDER BY id DESC LIMIT ?", host,
                        static_cast<std::int64_t>(limit))));
  }
  Result<std::vector<StoredJob>> open(std::string_view host, std::size_t limit) override {
    return read_all(TRY(db_.prepare(std::string{columns} +
                                        "WHERE host = ? AND payload <> '' AND state IN "
                                        "('queued', 'accepted', 'running') ORDER BY id LIMIT ?",
                                    host, static_cast<std::int64_t>(limit))));
  }
  Result<void> forget(Time before) override {
    return db_.run(
        "DELETE FROM jobs WHERE state NOT IN ('queued', 'accepted', 'running') AND "
        "created < ?",
        before);
  }

 private:
  static constexpr std::string_view columns =
      "SELECT digest, payload, signatures, author, created, state, updated, job, code, message, "
      "operation FROM jobs ";

  static Result<StoredJob> read(const Statement& row) {
    StoredJob job;
    job.digest = row.text(0);
    job.envelope.payload = TRY(parse_base64(row.text(1)));
    job.envelope.signatures = TRY(split(row.text(2)));
    job.author = row.text(3);
    job.created = row.time(4);
    job.state = row.text(5);
    if (!row.is_null(6)) job.updated = row.time(6);
    job.job = row.text(7);
    job.code = row.text(8);
    job.message = row.text(9);
    job.operation = row.text(10);
    return job;
  }
  static Result<std::vector<StoredJob>> read_all(Statement rows) {
    std::vector<StoredJob> found;
    while (TRY(rows.next())) found.push_back(TRY(read(rows)));
    return found;
  }
  Connection& db_;
};

}  // namespace

std::unique_ptr<HostTable> host_table(Connection& database) {
  return std::make_unique<Hosts>(database);
}
std::unique_ptr<JobTable> job_table(Connection& database) {
  return std::make_unique<Jobs>(database);
}

}  // namespace holdfast::hub
