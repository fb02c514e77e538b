// SPDX-License-Identifier: Apache-2.0
#include "imaging/posix.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace holdfast::imaging {
namespace {

std::string at_offset(std::string_view doing, const std::string& path, std::uint64_t offset) {
  return std::string{doing} + " " + path + " at offset " + std::to_string(offset);
}

}  // namespace

Result<UniqueFd> open_regular(int at, const std::string& name) {
  // O_NONBLOCK keeps a FIFO from holding us; it means nothing for the regular file wanted.
  UniqueFd fd{::openat(at, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!fd && errno == ELOOP)
    return Error{Errc::invalid, name + " is a symbolic link; name the file itself"};
  if (!fd) return posix_error(errno, "open " + name);
  const auto info = TRY(stat_of(fd.get(), name));
  if (!S_ISREG(info.st_mode)) return Error{Errc::invalid, name + " is not a regular file"};
  return fd;
}

Result<UniqueFd> open_directory(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY)};
  if (!fd) return posix_error(errno, "open folder " + path);
  return fd;
}

Result<struct stat> stat_of(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return posix_error(errno, "stat " + path);
  return info;
}

Result<std::size_t> read_at(int fd, std::uint64_t offset, std::span<std::byte> into,
                            const std::string& path) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto n =
        ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, at_offset("read", path, offset + done));
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<void> write_at(int fd, std::uint64_t offset, std::span<const std::byte> bytes,
                      const std::string& path) {
  while (!bytes.empty()) {
    const auto n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return posix_error(errno, at_offset("write", path, offset));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return ok();
}

Result<void> sync_file(int fd, const std::string& path) {
  if (::fdatasync(fd) != 0) return posix_error(errno, "sync " + path);
  return ok();
}

Result<void> sync_directory(const std::string& path) {
  const auto fd = TRY(open_directory(path));
  if (::fsync(fd.get()) != 0) return posix_error(errno, "sync folder " + path);
  return ok();
}

std::string parent_of(const std::string& path) {
  auto parent = std::filesystem::path{path}.parent_path().string();
  return parent.empty() ? "." : parent;
}

}  // namespace holdfast::imaging
