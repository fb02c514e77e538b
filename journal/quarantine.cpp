// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/unique_fd.hpp"
#include "journal/journal.hpp"

namespace holdfast {
namespace {

// What SQLite keeps beside a database. The database itself goes first: cut short there,
// the next start finds a -wal without its database and sets that aside as well.
constexpr std::array<const char*, 4> parts{"", "-wal", "-shm", "-journal"};

bool lies_at(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

bool any_part_at(const std::string& path) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const char* part) { return lies_at(path + part); });
}

Error failure(const std::string& doing) {
  return Error{Errc::unavailable, doing + ": " + std::generic_category().message(errno)};
}

// A file name says "2026-11-22T19.36.00.000Z": a colon is not for file names.
std::string free_name(const std::string& path, Time now) {
  std::string time = to_string(now);
  std::replace(time.begin(), time.end(), ':', '.');
  const std::string name = path + ".unreadable-" + time;
  std::string candidate = name;
  for (int next = 2; any_part_at(candidate); ++next) candidate = name + "-" + std::to_string(next);
  return candidate;
}

Result<void> sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path();
  const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return failure("sync " + folder.string());
  return ok();
}

}  // namespace

Result<std::string> set_aside(const std::string& path, Time now) {
  if (!any_part_at(path)) return Error{Errc::not_found, "nothing to set aside at " + path};
  const std::string aside = free_name(path, now);
  for (const char* part : parts) {
    if (!lies_at(path + part)) continue;
    if (::rename((path + part).c_str(), (aside + part).c_str()) != 0) {
      return failure("set aside " + path + part);
    }
  }
  TRY(sync_folder_of(path));
  return aside;
}

}  // namespace holdfast
