// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "journal/open_file.hpp"

namespace holdfast {
namespace {

using sqlite::Access;
using sqlite::Connection;
using ConnectionPtr = std::unique_ptr<Connection>;

// Reading a journal in WAL mode takes a -shm beside it. Opening succeeds without; the
// first read tells.
Result<ConnectionPtr> open_and_read(const std::string& path, Access access) {
  ConnectionPtr database = TRY(Connection::open(path, access));
  TRY(database->integer("PRAGMA schema_version"));
  return database;
}

// A private copy that may be written where the original may not. Its name is gone as soon
// as it is open; `path` and its -wal are only read.
Result<ConnectionPtr> open_copy(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  std::string folder = (fs::temp_directory_path(failed) / "holdfast-journal-XXXXXX").string();
  if (failed || ::mkdtemp(folder.data()) == nullptr) {
    return Error{Errc::unavailable, "no temporary folder to read " + path + " in"};
  }
  const std::string copy = folder + "/journal";
  fs::copy_file(path, copy, failed);
  if (!failed) fs::copy_file(path + "-wal", copy + "-wal", failed);
  if (!failed) {  // the owner's read-only modes came along
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write, failed);
    fs::permissions(copy + "-wal", fs::perms::owner_read | fs::perms::owner_write, failed);
  }
  Result<ConnectionPtr> database =
      failed ? Error{Errc::unavailable, "copy " + path + ": " + failed.message()}
             : open_and_read(copy, Access::read_write);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return database;
}

}  // namespace

Result<ConnectionPtr> open_for_reading(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) {
    const Errc kind = errno == ENOENT ? Errc::not_found : Errc::unavailable;
    return Error{kind, path + ": " + std::generic_category().message(errno)};
  }
  if (!S_ISREG(file.st_mode)) return Error{Errc::corrupt, path + " is not a regular file"};
  struct stat wal {};
  const bool has_wal = ::stat((path + "-wal").c_str(), &wal) == 0;
  const bool can_write_beside =
      ::access(path.c_str(), W_OK) == 0 &&
      ::access(std::filesystem::absolute(path).parent_path().c_str(), W_OK) == 0;

  auto database = can_write_beside || has_wal ? open_and_read(path, Access::read_only)
                                              : open_and_read(path, Access::immutable);
  // A running daemon's -shm can be read by whoever may read the journal. This one cannot:
  // the daemon is dead, and its -wal has to be recovered somewhere else.
  if (!database && database.error().code() == Errc::unavailable && has_wal) {
    database = wal.st_size > 0 ? open_copy(path) : open_and_read(path, Access::immutable);
  }
  if (!database) return database;
  TRY(check_readable(**database, has_wal));
  TRY((*database)->script("PRAGMA query_only = ON"));
  return database;
}

}  // namespace holdfast
