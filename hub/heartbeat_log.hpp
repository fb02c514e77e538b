// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/records.hpp"
#include "sqlite/connection.hpp"

// Private to this folder. The newest heartbeat of each host: in the table `heartbeats`, or
// further on in `heartbeat_log`, whose rows are newer than all of the table.
namespace holdfast::hub {

// One line of the log, with its end. The host's id and its session are hexadecimal (the parser
// sees to it): nothing that a host says can end a word, or begin another host's line.
std::string log_line(const Beat& beat);

// Within the caller's transaction: `lines` as the newest of all.
Result<void> append_to_log(sqlite::Connection& database, std::string_view lines);
// Within the caller's transaction: into the table, leaving the log empty. What came from hosts
// that were removed is dropped.
Result<void> fold_log(sqlite::Connection& database);

// Of hosts that are known, one each. Errc::corrupt when a line cannot be read.
Result<std::vector<Beat>> newest_beats(sqlite::Connection& database);

}  // namespace holdfast::hub
