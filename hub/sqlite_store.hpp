// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "hub/store.hpp"

namespace holdfast::hub {

// One SQLite file in WAL mode with synchronous=FULL, one writer thread with group commit, and
// a connection of its own for readers. Another process may use the file at the same time.
class SqliteStore final : public Store {
 public:
  // Opens and migrates the file; `may_create`: also when there is none (not its folder).
  // Errc::not_found, corrupt (no hub's database, or damaged), denied (of a newer Holdfast),
  // unavailable, exhausted.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, bool may_create);
  // Writes what is queued.
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void write(Body body, Done done) override;
  void write(const Beat& beat, Done done) override;
  Result<void> read(const Body& body) override;

 private:
  struct State;
  explicit SqliteStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::hub
