// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "hub/records.hpp"

// What can be read and written within one transaction, by subject. SQLite is one way to keep
// it (sqlite_tables.hpp); another database would be another.
namespace holdfast::hub {

class KeyTable {
 public:
  virtual ~KeyTable() = default;
  // Errc::conflict: the name is taken.
  virtual Result<void> add(const Operator& who) = 0;
  virtual Result<void> remove(std::string_view name) = 0;  // Errc::not_found
  virtual Result<std::optional<Operator>> find(std::string_view key_hash) = 0;
  virtual Result<std::vector<Operator>> all() = 0;
  virtual Result<void> add(const Token& token) = 0;
  virtual Result<std::optional<Token>> token(std::string_view hash) = 0;
  virtual Result<void> spend(std::string_view token_hash, std::string_view host, Time now) = 0;
  // Tokens that expired before.
  virtual Result<void> forget(Time before) = 0;
};

class HostTable {
 public:
  virtual ~HostTable() = default;
  // Replaces key, name and version of one that is there.
  virtual Result<void> put(const Host& host) = 0;
  // With all that belongs to it, except its alerts.
  virtual Result<void> remove(std::string_view id) = 0;
  virtual Result<std::vector<Host>> all() = 0;
  virtual Result<std::vector<Beat>> beats() = 0;
  virtual Result<void> put(std::string_view id, const Standing& standing) = 0;
  virtual Result<std::optional<Standing>> standing(std::string_view id) = 0;
  virtual Result<void> put(std::string_view id, const HostState& state) = 0;
  virtual Result<std::optional<HostState>> state(std::string_view id) = 0;
};

class GenerationTable {
 public:
  virtual ~GenerationTable() = default;
  virtual Result<void> add(std::string_view host, const Generation& generation) = 0;
  // Newest first, without envelopes.
  virtual Result<std::vector<Generation>> list(std::string_view host, std::size_t limit) = 0;
  virtual Result<std::optional<Generation>> find(std::string_view host,
                                                 std::uint64_t generation) = 0;
  virtual Result<std::optional<Generation>> newest(std::string_view host) = 0;
  // Of every host all but the newest `kept` and the one that it holds.
  virtual Result<void> forget(std::size_t kept) = 0;
};

class JobTable {
 public:
  virtual ~JobTable() = default;
  virtual Result<void> put(std::string_view host, const StoredJob& job) = 0;
  virtual Result<std::optional<StoredJob>> find(std::string_view host, std::string_view digest) = 0;
  // Newest first.
  virtual Result<std::vector<StoredJob>> list(std::string_view host, std::size_t limit) = 0;
  // Oldest first: those that came through this hub and have no final result.
  virtual Result<std::vector<StoredJob>> open(std::string_view host, std::size_t limit) = 0;
  // Those with a final result that were queued before, by the hub's own clock.
  virtual Result<void> forget(Time before) = 0;
};

class AlertTable {
 public:
  virtual ~AlertTable() = default;
  virtual Result<void> add(const Alert& alert) = 0;
  virtual Result<void> end(std::string_view id, Time now) = 0;
  virtual Result<void> clear_silence(std::string_view id) = 0;
  virtual Result<std::vector<Alert>> holding() = 0;                  // oldest first
  virtual Result<std::vector<Alert>> recent(std::size_t limit) = 0;  // newest first
  virtual Result<void> owe(const Delivery& delivery) = 0;
  virtual Result<std::vector<Delivery>> owed(std::string_view receiver, std::size_t limit) = 0;
  virtual Result<void> note_attempt(const Delivery& delivery) = 0;
  virtual Result<void> note_taken(const Delivery& delivery, Time now) = 0;
  // What is owed to anybody but these; how many deliveries.
  virtual Result<std::size_t> owe_only(const std::vector<std::string>& receivers) = 0;
  virtual Result<void> put(const Silence& silence) = 0;
  virtual Result<std::vector<Silence>> silences() = 0;
  // What is older than `before` and owed to nobody, and silences that ended before it.
  virtual Result<void> forget(Time before) = 0;
};

class FactTable {
 public:
  virtual ~FactTable() = default;
  virtual Result<void> set(std::string_view name, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> get(std::string_view name) = 0;
};

struct Tables {
  KeyTable& keys;
  HostTable& hosts;
  GenerationTable& generations;
  JobTable& jobs;
  AlertTable& alerts;
  FactTable& facts;
};

}  // namespace holdfast::hub
