// SPDX-License-Identifier: Apache-2.0
#include "imaging/partial.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr const char* suffix = ".partial";

Result<void> check_absent(const std::string& target) {
  struct stat info {};
  if (::lstat(target.c_str(), &info) == 0) return Error{Errc::conflict, target + " exists already"};
  if (errno != ENOENT) return posix_error(errno, "look for " + target);
  return ok();
}

Result<void> lock(int fd, const std::string& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return ok();
  if (errno == EWOULDBLOCK)
    return Error{Errc::conflict, path + " is being written by another process"};
  return posix_error(errno, "lock " + path);
}

// Removes what a dead builder left. Never follows links.
Result<void> remove_leftover(const std::string& path) {
  UniqueFd leftover{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!leftover && errno == ENOENT) return ok();
  // What cannot be opened like this is not ours to lock, but still in the way.
  if (leftover) TRY(lock(leftover.get(), path));
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return posix_error(error.value(), "remove " + path);
  return ok();
}

// What a dead builder left, locked; empty when there is nothing that we would have made.
Result<UniqueFd> adopt_leftover(const std::string& path) {
  UniqueFd leftover{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!leftover) return UniqueFd{};
  const auto info = TRY(stat_of(leftover.get(), path));
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || info.st_nlink != 1) return UniqueFd{};
  TRY(lock(leftover.get(), path));
  // Before we had the lock its owner may have finished and renamed it.
  struct stat named {};
  if (::lstat(path.c_str(), &named) != 0 || named.st_ino != info.st_ino ||
      named.st_dev != info.st_dev)
    return UniqueFd{};
  if (::fchmod(leftover.get(), 0600) != 0) return posix_error(errno, "take over " + path);
  return leftover;
}

// rename(2) that never replaces.
Result<void> rename_new(const std::string& from, const std::string& to) {
  const std::string doing = "rename " + from + " to " + to;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return ok();
  if (errno != EINVAL && errno != ENOSYS) return posix_error(errno, doing);
  TRY(check_absent(to));  // the filesystem cannot promise it; our lock covers our own kind
  if (::rename(from.c_str(), to.c_str()) != 0) return posix_error(errno, doing);
  return ok();
}

// Gives `path` its final name durably. When the name cannot be made durable it is taken
// away again, so that a retry starts from nothing.
Result<void> publish(const std::string& path, const std::string& target) {
  TRY(rename_new(path, target));
  auto synced = sync_directory(parent_of(target));
  if (!synced) static_cast<void>(::rename(target.c_str(), path.c_str()));
  return synced;
}

// Whatever the umask is: QEMU runs as somebody else and has to get at the kernel in it.
Result<void> make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return posix_error(errno, "create folder " + path);
  if (::chmod(path.c_str(), 0755) != 0) return posix_error(errno, "set the mode of " + path);
  return sync_directory(parent_of(path));
}

Result<void> make_parents(const std::string& path) {
  const auto parent = parent_of(path);
  std::error_code error;
  if (std::filesystem::is_directory(parent, error)) return ok();
  TRY(make_parents(parent));
  auto made = make_directory(parent);
  if (!made && made.error().code() == Errc::conflict) return ok();  // somebody else was faster
  return made;
}

}  // namespace

PartialFile::PartialFile(std::string target, UniqueFd fd)
    : target_{std::move(target)}, path_{target_ + suffix}, fd_{std::move(fd)} {}

Result<PartialFile> PartialFile::create(std::string target) {
  TRY(check_absent(target));
  const auto path = target + suffix;
  TRY(remove_leftover(path));
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd) return posix_error(errno, "create " + path);
  TRY(lock(fd.get(), path));
  return PartialFile{std::move(target), std::move(fd)};
}

Result<PartialFile> PartialFile::adopt_or_create(std::string target) {
  TRY(check_absent(target));
  if (auto leftover = TRY(adopt_leftover(target + suffix))) {
    PartialFile adopted{std::move(target), std::move(leftover)};
    adopted.is_adopted_ = true;
    return adopted;
  }
  return create(std::move(target));
}

PartialFile& PartialFile::operator=(PartialFile&& other) noexcept {
  std::swap(target_, other.target_);  // `other` removes what we had
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(is_adopted_, other.is_adopted_);
  return *this;
}

PartialFile::~PartialFile() {
  if (fd_) ::unlink(path_.c_str());
}

Result<void> PartialFile::commit() {
  TRY(publish(path_, target_));
  fd_ = UniqueFd{};
  return ok();
}

PartialDirectory::PartialDirectory(std::string target, UniqueFd fd)
    : target_{std::move(target)}, path_{target_ + suffix}, fd_{std::move(fd)} {}

Result<PartialDirectory> PartialDirectory::create(std::string target) {
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  TRY(check_absent(target));
  TRY(make_parents(target));
  const auto path = target + suffix;
  TRY(remove_leftover(path));
  TRY(make_directory(path));
  auto fd = TRY(open_directory(path));
  TRY(lock(fd.get(), path));
  return PartialDirectory{std::move(target), std::move(fd)};
}

PartialDirectory::~PartialDirectory() {
  if (!fd_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<void> PartialDirectory::commit() {
  if (::fsync(fd_.get()) != 0) return posix_error(errno, "sync folder " + path_);
  TRY(publish(path_, target_));
  fd_ = UniqueFd{};
  return ok();
}

}  // namespace holdfast::imaging
