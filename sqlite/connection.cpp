// SPDX-License-Identifier: Apache-2.0
#include "sqlite/connection.hpp"

#include <cerrno>

namespace holdfast::sqlite {
namespace {

// What a caller should do about an SQLite result code.
Errc kind_of(int extended, int system_error) {
  if (system_error == ENOSPC || system_error == EDQUOT) return Errc::exhausted;
  if (extended == SQLITE_IOERR_NOMEM) return Errc::exhausted;
  if (extended == SQLITE_IOERR_CORRUPTFS || extended == SQLITE_IOERR_DATA) return Errc::corrupt;
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM: return Errc::exhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    case SQLITE_CONSTRAINT: return Errc::conflict;
    case SQLITE_TOOBIG: return Errc::invalid;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_AUTH: return Errc::unavailable;
    default: return Errc::internal;
  }
}

// SQLite leaves an errno behind also for failures that were not the system's.
bool speaks_of_the_system(int extended) {
  const int primary = extended & 0xff;
  return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
}

// What SQLite counts of its own memory nobody reads, and each allocation of every connection would
// wait for the same lock to be counted. Refused, without harm, where SQLite was in use before.
void leave_memory_uncounted() {
  [[maybe_unused]] static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

// A file name as an SQLite URI: only `%`, `?` and `#` mean something there.
std::string to_uri(const std::string& path, std::string_view parameters) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      const auto byte = static_cast<unsigned char>(c);
      uri += '%';
      uri += digits[byte >> 4U];
      uri += digits[byte & 0xfU];
    } else {
      uri += c;
    }
  }
  return uri.append("?").append(parameters);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  leave_memory_uncounted();
  // No mutex inside SQLite: whoever owns a Connection serialises its use.
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= access == Access::read_write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  std::string name = path;
  if (access == Access::immutable) {
    flags |= SQLITE_OPEN_URI;
    name = to_uri(path, "immutable=1");
  }
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
  if (raw == nullptr) return Error{Errc::exhausted, "sqlite: out of memory"};
  std::unique_ptr<Connection> connection{new Connection{DatabaseHandle{raw}}};
  if (code != SQLITE_OK) return connection->failure("open " + path);
  // What a damaged or hostile file's schema says must not run functions with side effects.
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_busy_timeout(raw, 5'000);
  return connection;
}

Result<std::int64_t> Connection::integer(std::string_view sql) {
  Statement statement = TRY(prepare(sql));
  if (!TRY(statement.next())) return Error{Errc::corrupt, "no row from " + std::string{sql}};
  return statement.integer(0);
}

Result<std::string> Connection::text(std::string_view sql) {
  Statement statement = TRY(prepare(sql));
  if (!TRY(statement.next())) return Error{Errc::corrupt, "no row from " + std::string{sql}};
  return statement.text(0);
}

Result<void> Connection::script(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(sql.substr(0, sql.find('\n')));
  }
  return ok();
}

Error Connection::failure(std::string_view doing) const {
  const int extended = sqlite3_extended_errcode(database_.get());
  const int system_error =
      speaks_of_the_system(extended) ? sqlite3_system_errno(database_.get()) : 0;
  return Error{kind_of(extended, system_error),
               std::string{doing} + ": sqlite: " + sqlite3_errmsg(database_.get())};
}

Result<StatementHandle> Connection::take(std::string_view sql) {
  if (const auto idle = idle_.find(sql); idle != idle_.end()) {
    return std::move(idle_.extract(idle).mapped());
  }
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return failure(sql);
  }
  return StatementHandle{raw};
}

void Connection::give_back(std::string sql, StatementHandle handle) noexcept {
  sqlite3_reset(handle.get());
  sqlite3_clear_bindings(handle.get());
  idle_.try_emplace(std::move(sql), std::move(handle));
}

Statement::~Statement() {
  if (handle_) owner_->give_back(std::move(sql_), std::move(handle_));
}

Result<bool> Statement::next() {
  if (bind_failure_ != SQLITE_OK) return owner_->failure("bind: " + sql_);
  switch (sqlite3_step(handle_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return owner_->failure(sql_);
  }
}

Result<void> Statement::run() {
  while (TRY(next())) {
  }
  return ok();
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(handle_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return bytes == nullptr ? std::string{} : std::string{static_cast<const char*>(bytes), size};
}

void Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), parameter, value);
  if (code != SQLITE_OK) bind_failure_ = code;
}

void Statement::bind(int parameter, std::string_view value) {
  // A null pointer would bind NULL: an empty view may have one.
  const char* bytes = value.data() == nullptr ? "" : value.data();
  const int code = sqlite3_bind_text64(handle_.get(), parameter, bytes, value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_failure_ = code;
}

}  // namespace holdfast::sqlite
