// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/handle.hpp"
#include "base/result.hpp"
#include "sqlite/statement.hpp"

namespace holdfast::sqlite {

enum class Access {
  read_write,
  read_only,
  immutable,  // read only, no locks, no -wal: for a file that nobody can be writing
};

// One SQLite connection and its prepared statements. Not thread-safe.
class Connection {
 public:
  // Never creates a file. Nothing is read yet: a file that is no database shows later.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);

  template <class... Args>
  Result<Statement> prepare(std::string_view sql, const Args&... args) {
    auto handle = take(sql);
    if (!handle) return std::move(handle).error();
    Statement statement{*this, sql, std::move(handle).value()};
    int parameter = 0;
    (statement.bind(++parameter, args), ...);
    return statement;
  }

  template <class... Args>
  Result<void> run(std::string_view sql, const Args&... args) {
    auto statement = prepare(sql, args...);
    if (!statement) return std::move(statement).error();
    return statement->run();
  }

  // The first column of the first row; Errc::corrupt when there is none.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  // Several statements at once, without parameters.
  Result<void> script(const std::string& sql);

  // Rows changed by the last statement, and by all since the connection was opened.
  std::int64_t changed() const { return sqlite3_changes64(database_.get()); }
  std::int64_t total_changed() const { return sqlite3_total_changes64(database_.get()); }
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(database_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

  // What just failed on this connection, as one of the project's kinds.
  Error failure(std::string_view doing) const;

 private:
  friend class Statement;
  using DatabaseHandle = Handle<sqlite3, sqlite3_close_v2>;
  explicit Connection(DatabaseHandle database) : database_{std::move(database)} {}

  Result<StatementHandle> take(std::string_view sql);
  void give_back(std::string sql, StatementHandle handle) noexcept;

  DatabaseHandle database_;
  std::map<std::string, StatementHandle, std::less<>> idle_{};  // closed before the database
};

}  // namespace holdfast::sqlite
