// SPDX-License-Identifier: Apache-2.0
#include "cli/tar_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/handle.hpp"
#include "base/unique_fd.hpp"

namespace holdfast::cli {
namespace {

using Writer = Handle<archive, archive_write_free>;
using Entry = Handle<archive_entry, archive_entry_free>;

Error errno_error(int error, const std::string& path) {
  const Errc code = error == EEXIST                      ? Errc::conflict
                    : error == EACCES                    ? Errc::denied
                    : error == ENOENT                    ? Errc::not_found
                    : error == ENOSPC || error == EDQUOT ? Errc::exhausted
                                                         : Errc::unavailable;
  return Error{code, path + ": " + std::strerror(error)};
}

Error archive_error(archive* writer, const std::string& path) {
  const int error = archive_errno(writer);
  if (error > 0) return errno_error(error, path);
  const char* text = archive_error_string(writer);
  return Error{Errc::unavailable, path + ": " + (text == nullptr ? "cannot be written" : text)};
}

Result<void> write_all(int fd, const std::string& path, Time time,
                       const std::vector<std::pair<std::string, std::string>>& files) {
  const Writer writer{archive_write_new()};
  if (!writer) return Error{Errc::exhausted, path + ": out of memory"};
  archive* const raw = writer.get();
  if (archive_write_add_filter_gzip(raw) != ARCHIVE_OK ||
      archive_write_set_format_pax_restricted(raw) != ARCHIVE_OK ||
      archive_write_open_fd(raw, fd) != ARCHIVE_OK)
    return archive_error(raw, path);
  for (const auto& [name, content] : files) {
    const Entry entry{archive_entry_new()};
    if (!entry) return Error{Errc::exhausted, path + ": out of memory"};
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), std::chrono::system_clock::to_time_t(time), 0);
    if (archive_write_header(raw, entry.get()) != ARCHIVE_OK) return archive_error(raw, path);
    if (archive_write_data(raw, content.data(), content.size()) !=
        static_cast<la_ssize_t>(content.size()))
      return archive_error(raw, path);
  }
  if (archive_write_close(raw) != ARCHIVE_OK) return archive_error(raw, path);
  return ok();
}

}  // namespace

Result<void> write_tar_gz(const std::string& path, Time time,
                          const std::vector<std::pair<std::string, std::string>>& files) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file) return errno_error(errno, path);
  auto written = write_all(file.get(), path, time, files);
  if (!written) ::unlink(path.c_str());
  return written;
}

}  // namespace holdfast::cli
