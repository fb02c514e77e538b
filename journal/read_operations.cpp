// SPDX-License-Identifier: Apache-2.0
#include "journal/rows.hpp"
#include "journal/store.hpp"

namespace holdfast {
namespace {

using sqlite::Connection;

// Without a word on it SQLite walks all operations there ever were, since that spares sorting.
constexpr std::string_view unfinished_ones =
    "INDEXED BY one_unfinished_operation_per_subject "
    "WHERE state IN ('open', 'rolling_back', 'stuck') ORDER BY id";

std::string select_operations(std::string_view rest) {
  return std::string{"SELECT "}.append(operation_columns).append(" FROM operations ").append(rest);
}

template <class... Args>
Result<std::vector<Operation>> read_operations(Connection& database, std::string_view rest,
                                               const Args&... args) {
  auto rows = TRY(database.prepare(select_operations(rest), args...));
  std::vector<Operation> found;
  while (TRY(rows.next())) found.push_back(TRY(read_operation(rows)));
  return found;
}

}  // namespace

Result<Operation> Journal::operation(OperationId id) const {
  return store_->read([&](Connection& database) -> Result<Operation> {
    auto found = TRY(read_operations(database, "WHERE id = ?", id));
    if (found.empty())
      return Error{Errc::not_found,
                   "no operation " + to_string(id) + "; see `holdfast get operations`"};
    return std::move(found.front());
  });
}

Result<std::optional<Operation>> Journal::unfinished(std::string_view subject) const {
  return store_->read([&](Connection& database) -> Result<std::optional<Operation>> {
    auto found = TRY(read_operations(
        database, "WHERE subject = ? AND state IN ('open', 'rolling_back', 'stuck')", subject));
    if (found.empty()) return std::optional<Operation>{};
    return std::optional{std::move(found.front())};
  });
}

Result<std::vector<Operation>> Journal::unfinished() const {
  return store_->read(
      [](Connection& database) { return read_operations(database, unfinished_ones); });
}

Result<std::size_t> Journal::Store::count_unfinished() {
  return static_cast<std::size_t>(TRY(writer_->integer(
      "SELECT count(*) FROM operations INDEXED BY one_unfinished_operation_per_subject "
      "WHERE state IN ('open', 'rolling_back', 'stuck')")));
}

Result<std::vector<Operation>> Journal::recent(std::string_view subject, std::size_t limit) const {
  const auto rows = static_cast<std::int64_t>(limit);
  return store_->read([&](Connection& database) {
    if (subject.empty()) return read_operations(database, "ORDER BY id DESC LIMIT ?", rows);
    return read_operations(database, "WHERE subject = ? ORDER BY id DESC LIMIT ?", subject, rows);
  });
}

Result<std::vector<StepRecord>> Journal::steps(OperationId id) const {
  return store_->read([&](Connection& database) -> Result<std::vector<StepRecord>> {
    auto rows =
        TRY(database.prepare(std::string{"SELECT "}
                                 .append(step_columns)
                                 .append(" FROM steps WHERE operation = ? ORDER BY position"),
                             id));
    std::vector<StepRecord> found;
    while (TRY(rows.next())) found.push_back(TRY(read_step(rows)));
    return found;
  });
}

}  // namespace holdfast
