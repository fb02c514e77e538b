// SPDX-License-Identifier: Apache-2.0
#include "signing/operators_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/sha256.hpp"
#include "base/unique_fd.hpp"

namespace holdfast::signing {
namespace {

constexpr mode_t written_by_others = S_IWGRP | S_IWOTH;

std::string why(int error) { return std::generic_category().message(error); }

Error unsafe(const std::string& path, const std::string& what, const std::string& command) {
  return {Errc::denied, path + " " + what +
                            ", so whose keys it has is anybody's word; put it right with `" +
                            command + " " + path + "`"};
}

Result<void> check_owned(const std::string& path, const struct stat& status, uid_t owner) {
  if (status.st_uid != owner)
    return unsafe(path, "does not belong to user " + std::to_string(owner),
                  "chown " + std::to_string(owner));
  // In a sticky folder (/tmp) nobody renames or removes what is not theirs.
  const bool is_sticky_folder = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & written_by_others) != 0 && !is_sticky_folder)
    return unsafe(path, "can be written by others", "chmod go-w");
  return ok();
}

Result<std::string> read_whole(int fd, const std::string& path) {
  std::string text;
  std::array<char, 4096> block{};
  while (text.size() <= longest_key_set) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{Errc::unavailable, "read " + path + ": " + why(errno)};
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;  // too long; the parser says so
}

Result<void> write_whole(int fd, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t put = ::write(fd, text.data() + written, text.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Error{Errc::exhausted, why(errno)};
    written += static_cast<std::size_t>(put);
  }
  if (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0) return Error{Errc::unavailable, why(errno)};
  return ok();
}

Result<void> sync_folder(const std::string& folder) {
  const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0)
    return Error{Errc::unavailable, "sync " + folder + ": " + why(errno)};
  return ok();
}

}  // namespace

// Whoever can write a folder on the way can exchange the file.
Result<void> OperatorsFile::check_folders() const {
  std::error_code error;
  const auto real = std::filesystem::canonical(path_, error);
  if (error)
    return Error{
        error == std::errc::no_such_file_or_directory ? Errc::not_found : Errc::unavailable,
        path_ + ": " + error.message()};
  for (auto folder = real.parent_path();; folder = folder.parent_path()) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0)
      return Error{Errc::unavailable, folder.string() + ": " + why(errno)};
    // Root may own what is on the way to somebody's file.
    TRY(check_owned(folder.string(), status, status.st_uid == 0 ? 0 : owner_));
    if (folder == folder.root_path()) return ok();
  }
}

Result<Operators> OperatorsFile::read() const {
  const UniqueFd fd{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd && errno == ENOENT)
    return Error{Errc::not_found, "there is no " + path_ +
                                      ": no operator's signature counts on this host until root "
                                      "writes it (allowed_signers form, see ssh-keygen(1))"};
  if (!fd) return Error{Errc::unavailable, "open " + path_ + ": " + why(errno)};
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return Error{Errc::unavailable, path_ + ": " + why(errno)};
  if (!S_ISREG(status.st_mode)) return Error{Errc::denied, path_ + " is no regular file"};
  TRY(check_owned(path_, status, owner_));
  TRY(check_folders());
  Operators operators;
  operators.text = TRY(read_whole(fd.get(), path_));
  operators.digest = digest_of(operators.text);
  operators.parsed = TRY(parse_allowed_signers(operators.text).context(path_));
  return operators;
}

Result<void> OperatorsFile::replace(const std::string& text, const std::string& replaces) const {
  const auto held = read();
  if (!held && held.error().code() != Errc::not_found) return held.error();
  if ((held ? held->digest : std::string{}) != replaces)
    return Error{Errc::conflict, path_ + " is not the one that was to be replaced"};
  // Through a symbolic link, so that the link stays one.
  std::error_code error;
  std::string target = std::filesystem::weakly_canonical(path_, error).string();
  if (error) return Error{Errc::unavailable, path_ + ": " + error.message()};
  const std::string folder = std::filesystem::path{target}.parent_path().string();
  const std::string fresh = target + ".new";
  ::unlink(fresh.c_str());  // of an attempt that died
  const UniqueFd fd{
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return Error{Errc::unavailable, "create " + fresh + ": " + why(errno)};
  TRY(write_whole(fd.get(), text).context("write " + fresh));
  if (::rename(fresh.c_str(), target.c_str()) != 0)
    return Error{Errc::unavailable, "rename " + fresh + ": " + why(errno)};
  return sync_folder(folder);
}

}  // namespace holdfast::signing
