// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "base/clock.hpp"
#include "base/handle.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace holdfast::sqlite {

class Connection;
using StatementHandle = Handle<sqlite3_stmt, sqlite3_finalize>;

// A prepared statement on loan from its connection, to which it returns, reset, at the
// end of its scope. Must not outlive the connection.
class Statement {
 public:
  Statement(Connection& owner, std::string_view sql, StatementHandle handle)
      : owner_{&owner}, sql_{sql}, handle_{std::move(handle)} {}
  ~Statement();
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // True: there is a row, read it with the functions below.
  Result<bool> next();
  // To its end, for statements whose rows do not matter.
  Result<void> run();

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  bool is_null(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
  }
  std::string text(int column) const;
  Time time(int column) const { return Time{Duration{integer(column)}}; }

  // A failed bind is reported by the next `next` or `run`.
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view value);
  void bind(int parameter, Time value) { bind(parameter, value.time_since_epoch().count()); }
  void bind(int parameter, OperationId value) { bind(parameter, value.value); }
  void bind(int parameter, const std::optional<Time>& value) {
    if (value) bind(parameter, *value);  // left out: NULL
  }

 private:
  Connection* owner_;
  std::string sql_;
  StatementHandle handle_;
  int bind_failure_ = SQLITE_OK;
};

}  // namespace holdfast::sqlite
