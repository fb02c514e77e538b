// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "journal/journal.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {

// PRAGMA application_id of a journal: "HOLD".
constexpr std::int64_t journal_application_id = 0x484f4c44;

// Facts whose names begin with this are the journal's own.
constexpr std::string_view own_fact_prefix = "journal.";

// Held for as long as a process may write: two writers would both run what is open.
// Errc::conflict when another one holds it. It is a file of its own, `path-lock`,
// because closing any descriptor of the database would drop SQLite's own locks.
Result<UniqueFd> lock_for_writing(const std::string& path);

// Creates, checks and migrates, and leaves the file marked as in use.
Result<std::unique_ptr<sqlite::Connection>> open_for_writing(const JournalOptions& options);

// The file as it is, never changed: beside a running daemon, after one that died
// (its -wal is then read too), and on media that cannot be written.
Result<std::unique_ptr<sqlite::Connection>> open_for_reading(const std::string& path);

// What is checked before a journal is believed, on either way; `has_wal`: there was one
// when the file was opened.
Result<void> check_readable(sqlite::Connection& database, bool has_wal);

// The last writer ended well: a missing -wal is then nothing to worry about.
Result<void> mark_closed(sqlite::Connection& database);

}  // namespace holdfast
