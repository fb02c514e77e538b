// SPDX-License-Identifier: Apache-2.0
#include "journal/open_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <system_error>

#include "journal/migrations.hpp"

namespace holdfast {
namespace {

using sqlite::Access;
using sqlite::Connection;
using ConnectionPtr = std::unique_ptr<Connection>;

constexpr const char* in_memory = ":memory:";
constexpr std::string_view in_use_fact = "journal.in_use";

Error system_failure(const std::string& doing, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return Error{is_full ? Errc::exhausted : Errc::unavailable,
               doing + ": " + std::generic_category().message(number)};
}

// What lies at `path` before SQLite touches it. SQLite would delete a -wal that lies
// beside an empty database, and make a new one where the old was lost.
struct Files {
  bool exists = false;
  std::int64_t size = 0;
  bool wal_exists = false;
  std::int64_t wal_size = 0;
};

Result<Files> look_at(const std::string& path) {
  Files files;
  struct stat database {};
  if (::stat(path.c_str(), &database) == 0) {
    if (!S_ISREG(database.st_mode)) return Error{Errc::corrupt, path + " is not a regular file"};
    files.exists = true;
    files.size = database.st_size;
  } else if (errno != ENOENT) {
    return system_failure("look at " + path, errno);
  }
  struct stat wal {};
  if (::stat((path + "-wal").c_str(), &wal) == 0) {
    files.wal_exists = true;
    files.wal_size = wal.st_size;
  } else if (errno != ENOENT) {
    return system_failure("look at " + path + "-wal", errno);
  }
  // The first commit is made without a -wal, so losing power while the journal is
  // being created cannot leave this behind.
  if (files.size == 0 && files.wal_size > 0) {
    return Error{Errc::corrupt, path + " is empty, but " + path + "-wal is not"};
  }
  return files;
}

Result<void> create_file(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd) return system_failure("create " + path, errno);
  return ok();
}

// All that is missing, in one transaction: no power loss leaves a version between.
Result<void> migrate(Connection& database) {
  const auto& migrations = journal_migrations();
  const auto version = TRY(database.integer("PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (version >= known) return ok();
  std::string script = "BEGIN IMMEDIATE;\n";
  for (std::int64_t next = version; next < known; ++next)
    script += migrations[static_cast<std::size_t>(next)] + "\n";
  script += "PRAGMA application_id = " + std::to_string(journal_application_id) +
            ";\nPRAGMA user_version = " + std::to_string(known) + ";\nCOMMIT;";
  if (auto migrated = database.script(script); !migrated) {
    if (database.in_transaction()) TRY(database.script("ROLLBACK"));
    return std::move(migrated).context("migrate the journal from version " +
                                       std::to_string(version) + " to " + std::to_string(known));
  }
  return ok();
}

Result<std::set<std::string>> tables_and_columns(Connection& database) {
  auto rows = TRY(database.prepare(
      "SELECT item.type || ' ' || item.name || ' ' || coalesce(field.name, '') || ' ' || "
      "coalesce(field.type, '') FROM sqlite_schema AS item "
      "LEFT JOIN pragma_table_info(item.name) AS field"));
  std::set<std::string> found;
  while (TRY(rows.next())) found.insert(rows.text(0));
  return found;
}

Result<std::set<std::string>> what_migrations_make() {
  const ConnectionPtr fresh = TRY(Connection::open(in_memory, Access::read_write));
  TRY(migrate(*fresh));
  return tables_and_columns(*fresh);
}

// Every table, column and index that the migrations make is there, and no trigger is.
Result<void> check_schema(Connection& database) {
  static const auto expected = what_migrations_make();
  if (!expected) return expected.error();
  const auto found = TRY(tables_and_columns(database));
  for (const auto& item : *expected) {
    if (found.count(item) == 0) return Error{Errc::corrupt, "the journal has no " + item};
  }
  for (const auto& item : found) {
    if (item.rfind("trigger ", 0) == 0) {
      return Error{Errc::corrupt, "the journal has a foreign " + item};
    }
  }
  return ok();
}

// That this is a journal, of a version that this program knows, and whole.
Result<void> check_contents(Connection& database) {
  if (TRY(database.integer("PRAGMA application_id")) != journal_application_id) {
    return Error{Errc::corrupt, "a database, but not a Holdfast journal"};
  }
  const auto version = TRY(database.integer("PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(journal_migrations().size());
  if (version > known) {
    return Error{Errc::denied, "written by a newer Holdfast: journal version " +
                                   std::to_string(version) + ", this one knows up to " +
                                   std::to_string(known)};
  }
  if (version < 1) return Error{Errc::corrupt, "a journal without a version"};
  const auto verdict = TRY(database.text("PRAGMA quick_check(1)"));
  if (verdict != "ok") return Error{Errc::corrupt, "damaged: " + verdict};
  return ok();
}

Result<std::string> in_use_mark(Connection& database) {
  auto row = TRY(database.prepare("SELECT value FROM facts WHERE name = ?", in_use_fact));
  return TRY(row.next()) ? row.text(0) : std::string{"no"};
}

Result<void> set_in_use(Connection& database, std::string_view value) {
  return database.run(
      "INSERT INTO facts(name, value) VALUES(?, ?) "
      "ON CONFLICT(name) DO UPDATE SET value = excluded.value",
      in_use_fact, value);
}

// A writer that died leaves a -wal that holds its last commits. Without it SQLite would
// show an older state as if nothing had happened since.
Result<void> check_wal_is_there(Connection& database, bool has_wal) {
  if (has_wal) return ok();
  if (TRY(in_use_mark(database)) != "yes") return ok();
  return Error{Errc::corrupt,
               "its -wal is missing although the last run did not end cleanly: commits are lost"};
}

Result<void> configure(Connection& database, const JournalOptions& options) {
  TRY(
      database.script("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                      "PRAGMA journal_size_limit = 16777216;"));
  return database.script(options.sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
}

// Kinds that speak of the file: a schema SQLite cannot make sense of is one of them.
template <class T>
Result<T> judged(Result<T> result) {
  if (result || result.error().code() != Errc::internal) return result;
  return Error{Errc::corrupt, result.error().message()};
}

Result<void> enter_wal_mode(Connection& database) {
  const auto mode = TRY(database.text("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return Error{Errc::unavailable, "the file system cannot hold a -wal: " + mode};
  return ok();
}

// In the database file itself, hence the checkpoint: the mark must not go with the -wal.
// A full disk is no reason not to open; only the check for a lost -wal is then weaker.
Result<void> mark_in_use(Connection& database) {
  auto marked = set_in_use(database, "yes");
  if (marked) marked = database.run("PRAGMA wal_checkpoint(PASSIVE)");
  if (!marked && marked.error().code() != Errc::exhausted) return marked;
  return ok();
}

Result<ConnectionPtr> open_in_memory(const JournalOptions& options) {
  ConnectionPtr database = TRY(Connection::open(in_memory, Access::read_write));
  TRY(configure(*database, options));
  TRY(migrate(*database));
  return database;
}

}  // namespace

Result<UniqueFd> lock_for_writing(const std::string& path) {
  if (path == in_memory) return UniqueFd{};
  const std::string name = path + "-lock";
  UniqueFd lock{::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock) return system_failure("open " + name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{Errc::conflict, path + " is in use by another process"};
    }
    return system_failure("lock " + name, errno);
  }
  return lock;
}

Result<ConnectionPtr> open_for_writing(const JournalOptions& options) {
  if (options.path == in_memory) return open_in_memory(options);
  const Files files = TRY(look_at(options.path));
  if (!files.exists) TRY(create_file(options.path));
  ConnectionPtr database = TRY(Connection::open(options.path, Access::read_write));
  TRY(configure(*database, options));
  // Zero also after SQLite has rolled back a creation that was cut short.
  if (TRY(database->integer("PRAGMA page_count")) == 0) {
    TRY(migrate(*database));  // one transaction, before there is a -wal
  } else {
    TRY(judged(check_contents(*database)));
    TRY(judged(migrate(*database)));
    TRY(check_readable(*database, files.wal_exists));
  }
  TRY(enter_wal_mode(*database));
  TRY(mark_in_use(*database));
  return database;
}

Result<void> check_readable(Connection& database, bool has_wal) {
  TRY(judged(check_contents(database)));
  const auto version = TRY(database.integer("PRAGMA user_version"));
  if (version < static_cast<std::int64_t>(journal_migrations().size())) {
    return Error{Errc::denied, "written by an older Holdfast: start the daemon once to migrate it"};
  }
  TRY(judged(check_schema(database)));
  return judged(check_wal_is_there(database, has_wal));
}

Result<void> mark_closed(Connection& database) { return set_in_use(database, "no"); }

}  // namespace holdfast
