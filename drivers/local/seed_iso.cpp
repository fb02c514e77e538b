// SPDX-License-Identifier: Apache-2.0
#include "drivers/local/seed_iso.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/handle.hpp"
#include "base/posix_error.hpp"
#include "base/unique_fd.hpp"
#include "imaging/process.hpp"

namespace holdfast::local {
namespace {

using ArchiveHandle = Handle<archive, archive_write_free>;
using EntryHandle = Handle<archive_entry, archive_entry_free>;

// A fixed time for every file: when the seed was made is nobody's business.
// 2020-01-01T00:00:00Z.
constexpr time_t fixed_time = 1'577'836'800;

Error archive_failed(archive* iso, const std::string& path) {
  const char* why = archive_error_string(iso);
  const int code = archive_errno(iso);
  return Error{code == ENOSPC ? Errc::exhausted : Errc::unavailable,
               "write seed " + path + ": " + (why == nullptr ? "unknown error" : why)};
}

bool add_file(archive* iso, const char* name, const std::string& content) {
  const EntryHandle entry{archive_entry_new()};
  archive_entry_set_pathname(entry.get(), name);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0444);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  archive_entry_set_mtime(entry.get(), fixed_time, 0);
  archive_entry_set_atime(entry.get(), fixed_time, 0);
  archive_entry_set_ctime(entry.get(), fixed_time, 0);
  archive_entry_set_birthtime(entry.get(), fixed_time, 0);
  return archive_write_header(iso, entry.get()) == ARCHIVE_OK &&
         archive_write_data(iso, content.data(), content.size()) ==
             static_cast<la_ssize_t>(content.size());
}

Result<void> write_iso(const host::Seed& seed, int fd, const std::string& path) {
  const ArchiveHandle iso{archive_write_new()};
  archive* const a = iso.get();
  if (archive_write_set_format_iso9660(a) != ARCHIVE_OK ||
      archive_write_set_options(a, "volume-id=cidata,joliet,rockridge,!pad") != ARCHIVE_OK ||
      archive_write_open_fd(a, fd) != ARCHIVE_OK)
    return archive_failed(a, path);
  if (!add_file(a, "meta-data", seed.meta_data) || !add_file(a, "user-data", seed.user_data) ||
      !add_file(a, "vendor-data", seed.vendor_data))
    return archive_failed(a, path);
  if (!seed.network_config.empty() && !add_file(a, "network-config", seed.network_config))
    return archive_failed(a, path);
  if (archive_write_close(a) != ARCHIVE_OK) return archive_failed(a, path);
  return ok();
}

}  // namespace

Result<void> write_seed_iso(const host::Seed& seed, const std::string& path) {
  const std::string partial = path + ".partial";
  const UniqueFd fd{
      ::open(partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return posix_error(errno, "create " + partial);
  auto written = write_iso(seed, fd.get(), path);
  if (written && (::fsync(fd.get()) != 0 || ::rename(partial.c_str(), path.c_str()) != 0))
    written = posix_error(errno, "write " + path);
  if (!written) ::unlink(partial.c_str());
  return written;
}

// Field `size` of the qcow2 header: 8 bytes, big-endian, at offset 24
// (QEMU docs/interop/qcow2.txt).
Result<Bytes> overlay_size(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<unsigned char, 8> field{};
  if (!fd || ::pread(fd.get(), field.data(), field.size(), 24) != 8)
    return posix_error(errno, "read " + path);
  Bytes size{};
  for (const unsigned char byte : field) size.value = (size.value << 8U) | byte;
  return size;
}

Result<void> grow_overlay(const std::string& path, Bytes size) {
  const Bytes now = TRY(overlay_size(path));
  if (now > size)
    return Error{Errc::invalid, path + " is " + to_string(now) + ", more than " + to_string(size) +
                                    "; a disk is never shrunk"};
  if (now == size) return ok();
  const auto end = TRY(imaging::run(
      {.argv = {"qemu-img", "resize", "-f", "qcow2", path, std::to_string(size.value)}}));
  if (end.exit_status != 0)
    return Error{Errc::unavailable, "grow " + path + ": qemu-img: " + end.errors};
  return ok();
}

}  // namespace holdfast::local
