// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hub/tables.hpp"
#include "sqlite/connection.hpp"

// Private to this folder.
namespace holdfast::hub {

// The tables of migrations/ on one connection. As thread-safe as that: not.
class SqliteTables {
 public:
  explicit SqliteTables(sqlite::Connection& database);
  ~SqliteTables();
  SqliteTables(const SqliteTables&) = delete;
  SqliteTables& operator=(const SqliteTables&) = delete;
  Tables tables();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

std::unique_ptr<KeyTable> key_table(sqlite::Connection& database);
std::unique_ptr<HostTable> host_table(sqlite::Connection& database);
std::unique_ptr<GenerationTable> generation_table(sqlite::Connection& database);
std::unique_ptr<JobTable> job_table(sqlite::Connection& database);
std::unique_ptr<AlertTable> alert_table(sqlite::Connection& database);
std::unique_ptr<FactTable> fact_table(sqlite::Connection& database);

// The files of migrations/, in order, as the build found them.
const std::vector<std::string>& hub_migrations();

}  // namespace holdfast::hub
