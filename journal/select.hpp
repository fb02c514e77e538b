// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/connection.hpp"

namespace holdfast {

// All rows of one kind: `read` knows the order of `columns`.
template <class Record, class... Args>
Result<std::vector<Record>> select(sqlite::Connection& database,
                                   Result<Record> (*read)(const sqlite::Statement&),
                                   std::string_view columns, std::string_view rest,
                                   const Args&... args) {
  auto rows = TRY(database.prepare(
      std::string{"SELECT "}.append(columns).append(" FROM ").append(rest), args...));
  std::vector<Record> found;
  while (TRY(rows.next())) found.push_back(TRY(read(rows)));
  return found;
}

template <class Record>
Result<std::optional<Record>> first(Result<std::vector<Record>> found) {
  if (!found) return std::move(found).error();
  if (found->empty()) return std::optional<Record>{};
  return std::optional{std::move(found->front())};
}

}  // namespace holdfast
