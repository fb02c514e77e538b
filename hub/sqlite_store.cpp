// SPDX-License-Identifier: Apache-2.0
#include "hub/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "hub/heartbeat_log.hpp"
#include "hub/sqlite_tables.hpp"

namespace holdfast::hub {
namespace {

using sqlite::Connection;

constexpr std::int64_t application_id = 0x48464842;  // "HFHB"
// Bytes of the heartbeat log. Thousands of heartbeats share the cost of folding it.
constexpr std::size_t folded_at = std::size_t{4} << 20U;

Result<void> create_file(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (fd) return ok();
  return Error{errno == ENOSPC ? Errc::exhausted : Errc::unavailable,
               "create " + path + ": " + std::system_category().message(errno)};
}

Result<void> migrate(Connection& database) {
  const auto& migrations = hub_migrations();
  const auto version = TRY(database.integer("PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (version > known)
    return Error{Errc::denied, "written by a newer Holdfast: version " + std::to_string(version) +
                                   ", this one knows up to " + std::to_string(known)};
  for (auto next = version; next < known; ++next) {
    auto step =
        database.script("BEGIN IMMEDIATE;\n" + migrations[static_cast<std::size_t>(next)] +
                        "\nPRAGMA application_id = " + std::to_string(application_id) +
                        ";\nPRAGMA user_version = " + std::to_string(next + 1) + ";\nCOMMIT;");
    if (step) continue;
    if (database.in_transaction()) TRY(database.script("ROLLBACK"));
    return std::move(step).context("migrate to version " + std::to_string(next + 1));
  }
  return ok();
}

Result<std::unique_ptr<Connection>> connect(const std::string& path) {
  auto database = TRY(Connection::open(path, sqlite::Access::read_write));
  TRY(
      database->script("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                       "PRAGMA journal_size_limit = 16777216; PRAGMA synchronous = FULL;"));
  return database;
}

Result<std::unique_ptr<Connection>> open_database(const std::string& path) {
  auto database = TRY(connect(path));
  if (TRY(database->integer("PRAGMA page_count")) > 0) {
    if (TRY(database->integer("PRAGMA application_id")) != application_id)
      return Error{Errc::corrupt, "a database, but not a hub's"};
    const auto verdict = TRY(database->text("PRAGMA quick_check(1)"));
    if (verdict != "ok") return Error{Errc::corrupt, "damaged: " + verdict};
  }
  TRY(migrate(*database));
  const auto mode = TRY(database->text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return Error{Errc::unavailable, "the file system cannot hold a -wal: " + mode};
  return database;
}

// What one commit holds.
struct Group {
  struct Task {
    Store::Body body{};
    Store::Done done{};
    Result<void> result{};
  };
  std::vector<Task> tasks{};
  std::string beats{};  // lines of the heartbeat log
  std::vector<Store::Done> beats_done{};

  bool empty() const { return tasks.empty() && beats_done.empty(); }
};

}  // namespace

struct SqliteStore::State {
  explicit State(std::unique_ptr<Connection> for_writing, std::unique_ptr<Connection> for_reading)
      : writer{std::move(for_writing)},
        writer_tables{*writer},
        reader{std::move(for_reading)},
        reader_tables{*reader} {}

  void write_until_stopped();
  void write(Group& group);
  Result<void> write_in_one_transaction(Group& group);
  Result<void> write_one(Group::Task& task);
  Result<void> write_beats(const std::string& lines);

  std::unique_ptr<Connection> writer;
  SqliteTables writer_tables;
  std::size_t log_size = folded_at;  // of the heartbeat log; an earlier hub may have left one
  std::mutex reader_mutex{};
  std::unique_ptr<Connection> reader;
  SqliteTables reader_tables;

  std::mutex queue_mutex{};
  std::condition_variable arrived{};
  Group waiting{};
  bool is_stopping = false;
  std::thread thread{};
};

void SqliteStore::State::write_until_stopped() {
  std::unique_lock lock{queue_mutex};
  for (;;) {
    arrived.wait(lock, [&] { return is_stopping || !waiting.empty(); });
    if (waiting.empty()) return;
    Group group = std::exchange(waiting, {});
    lock.unlock();
    write(group);
    lock.lock();
  }
}

void SqliteStore::State::write(Group& group) {
  const auto committed = write_in_one_transaction(group);
  if (!committed && writer->in_transaction()) static_cast<void>(writer->run("ROLLBACK"));
  for (auto& done : group.beats_done) done(committed);
  for (auto& task : group.tasks) task.done(!committed && task.result ? committed : task.result);
}

Result<void> SqliteStore::State::write_in_one_transaction(Group& group) {
  TRY(writer->run("BEGIN IMMEDIATE"));
  TRY(write_beats(group.beats));
  for (auto& task : group.tasks) TRY(write_one(task));
  return writer->run("COMMIT").context("commit");
}

Result<void> SqliteStore::State::write_beats(const std::string& lines) {
  if (lines.empty()) return ok();
  TRY(append_to_log(*writer, lines));
  log_size += lines.size();
  if (log_size < folded_at) return ok();
  TRY(fold_log(*writer));
  log_size = 0;
  return ok();
}

// In a savepoint of its own, so that its failure undoes only itself. An Error from here is
// the whole group's: the transaction is lost.
Result<void> SqliteStore::State::write_one(Group::Task& task) {
  TRY(writer->run("SAVEPOINT body"));
  task.result = task.body(writer_tables.tables());
  // On a full disk SQLite rolls back everything, not only what failed.
  if (!writer->in_transaction())
    return task.result ? Error{Errc::unavailable, "the transaction was rolled back"}
                       : task.result.error();
  if (!task.result) TRY(writer->run("ROLLBACK TO body"));
  return writer->run("RELEASE body");
}

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_{std::move(state)} {
  state_->thread = std::thread{[raw = state_.get()] { raw->write_until_stopped(); }};
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, bool may_create) {
  if (::access(path.c_str(), F_OK) != 0) {
    if (!may_create) return Error{Errc::not_found, "there is no " + path};
    TRY(create_file(path));
  }
  auto writer = TRY(open_database(path).context("open " + path));
  auto reader = TRY(connect(path));
  TRY(reader->script("PRAGMA query_only = ON"));
  auto state = std::make_unique<State>(std::move(writer), std::move(reader));
  return std::unique_ptr<SqliteStore>{new SqliteStore{std::move(state)}};
}

SqliteStore::~SqliteStore() {
  {
    const std::scoped_lock lock{state_->queue_mutex};
    state_->is_stopping = true;
  }
  state_->arrived.notify_one();
  state_->thread.join();
}

void SqliteStore::write(Body body, Done done) {
  const std::scoped_lock lock{state_->queue_mutex};
  state_->waiting.tasks.push_back({std::move(body), std::move(done), {}});
  state_->arrived.notify_one();
}

void SqliteStore::write(const Beat& beat, Done done) {
  const std::string line = log_line(beat);
  const std::scoped_lock lock{state_->queue_mutex};
  state_->waiting.beats += line;
  state_->waiting.beats_done.push_back(std::move(done));
  state_->arrived.notify_one();
}

Result<void> SqliteStore::read(const Body& body) {
  const std::scoped_lock lock{state_->reader_mutex};
  return body(state_->reader_tables.tables());
}

}  // namespace holdfast::hub
