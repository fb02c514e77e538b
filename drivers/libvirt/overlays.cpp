// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/overlays.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.hpp"
#include "imaging/process.hpp"

namespace holdfast::libvirt {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_backing = 1023;  // the format's own limit
constexpr std::size_t longest_chain = 64;
constexpr std::size_t most_files = 10000;

std::uint64_t big_endian(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8U | bytes[i];
  return value;
}

Error cannot_read(const std::string& path) {
  return Error{Errc::unavailable, "read " + path + ": " + std::strerror(errno)};
}

Result<std::string> read_backing(int fd, const std::string& path, std::uint64_t offset,
                                 std::size_t length) {
  std::string name(length, '\0');
  const auto got = ::pread(fd, name.data(), length, static_cast<off_t>(offset));
  if (got < 0) return cannot_read(path);
  if (static_cast<std::size_t>(got) != length) {
    return Error{Errc::corrupt, path + ": the name of its backing file is cut off"};
  }
  if (name.front() == '/') return name;
  return (fs::path{path}.parent_path() / name).lexically_normal().string();
}

Result<void> run_qemu_img(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "qemu-img");
  const auto end = TRY(imaging::run({arguments, {}, {}, {}}));
  if (end.exit_status == 0) return ok();
  const bool is_full = end.errors.find(std::strerror(ENOSPC)) != std::string::npos;
  return Error{is_full ? Errc::exhausted : Errc::unavailable,
               "qemu-img " + arguments[1] + ": " + end.errors};
}

}  // namespace

Result<DiskHead> read_disk_head(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!file) return cannot_read(path);
  std::array<std::uint8_t, 32> head{};
  const auto got = ::pread(file.get(), head.data(), head.size(), 0);
  if (got < 0) return cannot_read(path);
  DiskHead disk;
  constexpr std::array<std::uint8_t, 4> magic{'Q', 'F', 'I', 0xFB};
  if (!std::equal(magic.begin(), magic.end(), head.begin())) return disk;
  disk.is_qcow2 = true;
  const std::uint64_t offset = big_endian(&head[8], 8);
  const std::uint64_t length = big_endian(&head[16], 4);
  disk.size = Bytes{big_endian(&head[24], 8)};
  if (offset == 0 || length == 0) return disk;
  if (length > longest_backing || offset > (1U << 30U)) {
    return Error{Errc::corrupt, path + ": the name of its backing file cannot be"};
  }
  disk.backing = TRY(read_backing(file.get(), path, offset, static_cast<std::size_t>(length)));
  return disk;
}

Result<std::vector<std::string>> read_chain(const std::string& path) {
  std::vector<std::string> chain{path};
  for (;;) {
    const DiskHead head = TRY(read_disk_head(chain.back()));
    if (head.backing.empty()) return chain;
    if (chain.size() == longest_chain) {
      return Error{Errc::corrupt, path + " rests on too many files, or on itself"};
    }
    chain.push_back(head.backing);
  }
}

Result<std::vector<std::string>> find_dependents(const std::string& base) {
  std::vector<std::string> dependents;
  std::error_code failed;
  std::size_t seen = 0;
  fs::directory_iterator files{fs::path{base}.parent_path(), failed};
  for (; !failed && files != fs::directory_iterator{}; files.increment(failed)) {
    if (++seen > most_files) return Error{Errc::unavailable, "too many files beside " + base};
    if (files->path().extension() != ".qcow2") continue;
    const DiskHead head = TRY(read_disk_head(files->path().string()));
    if (head.backing == base) dependents.push_back(files->path().string());
  }
  if (failed)
    return Error{Errc::unavailable, "list files beside " + base + ": " + failed.message()};
  std::sort(dependents.begin(), dependents.end());
  return dependents;
}

std::string free_overlay_path(const std::string& base, const std::string& disk,
                              const std::string& snapshot) {
  const fs::path folder = fs::path{base}.parent_path();
  for (unsigned number = 1;; ++number) {
    const std::string suffix = number == 1 ? "" : "." + std::to_string(number);
    const fs::path path = folder / (disk + "@" + snapshot + suffix + ".qcow2");
    if (::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return path.string();
  }
}

Result<void> create_overlay(const std::string& overlay, const std::string& base,
                            const std::string& base_format) {
  return run_qemu_img({"create", "-q", "-f", "qcow2", "-b", base, "-F", base_format, overlay});
}

Result<void> commit_overlay(const std::string& overlay, const std::string& base) {
  return run_qemu_img({"commit", "-q", "-d", "-f", "qcow2", "-b", base, overlay});
}

Result<void> rebase_overlay(const std::string& overlay, const std::string& base,
                            const std::string& base_format) {
  return run_qemu_img(
      {"rebase", "-q", "-u", "-f", "qcow2", "-b", base, "-F", base_format, overlay});
}

}  // namespace holdfast::libvirt
