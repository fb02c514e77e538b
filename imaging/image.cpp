// SPDX-License-Identifier: Apache-2.0
#include "imaging/image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "imaging/content.hpp"
#include "imaging/partial.hpp"
#include "imaging/posix.hpp"
#include "imaging/qcow2.hpp"
#include "imaging/zstd.hpp"

namespace holdfast::imaging {
namespace {

Result<std::vector<std::byte>> read_head(int fd, const std::string& path) {
  std::vector<std::byte> head(qcow2_header_size);
  head.resize(TRY(read_at(fd, 0, head, path)));
  return head;
}

Error size_differs(const Source& source, std::uint64_t found) {
  return {Errc::invalid, source.path + ": expected a disk of " +
                             std::to_string(source.virtual_size) + " bytes, found " +
                             std::to_string(found)};
}

// Opens the image and refuses early what its size or header already rules out.
Result<UniqueFd> open_source(const Source& source) {
  if (!source.sha256.empty()) TRY(check_hash_form(source.sha256, source.path));
  auto file = TRY(open_regular(AT_FDCWD, source.path));
  if (source.format == Format::raw) {
    const auto info = TRY(stat_of(file.get(), source.path));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size != source.virtual_size) return size_differs(source, size);
  }
  if (source.format == Format::qcow2) {
    const auto head = TRY(read_head(file.get(), source.path));
    const auto size = TRY(check_qcow2(head, source.path));
    if (size != source.virtual_size) return size_differs(source, size);
  }
  return file;
}

std::unique_ptr<Reader> stream(const Source& source, UniqueFd file) {
  return source.format == Format::raw_zst ? read_zstd(std::move(file), source.path)
                                          : read_raw(std::move(file), source.path);
}

Expected expectation(const Source& source) {
  return {source.path, source.virtual_size, source.sha256};
}

Result<std::uint64_t> count_data(int fd, const std::string& path) {
  std::uint64_t data = 0;
  off_t hole = 0;
  for (;;) {
    const auto start = ::lseek(fd, hole, SEEK_DATA);
    if (start < 0 && errno == ENXIO) return data;
    if (start < 0) return posix_error(errno, "look for holes in " + path);
    hole = ::lseek(fd, start, SEEK_HOLE);
    if (hole < 0) return posix_error(errno, "look for holes in " + path);
    data += static_cast<std::uint64_t>(hole - start);
  }
}

// A second descriptor that shares no lock and no position with `fd`.
Result<UniqueFd> reopen(int fd, int flags) {
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd again{::open(path.c_str(), flags | O_CLOEXEC)};
  if (!again) return posix_error(errno, "reopen " + path);
  return again;
}

// Unpacks a qcow2 image to the empty file `target`, then reads that back for its hash. Each
// of the two counts as half of the progress.
Result<std::uint64_t> unpack_qcow2(const Source& source, int image, int target,
                                   const Options& options) {
  const auto size = source.virtual_size;
  if (::ftruncate(target, static_cast<off_t>(size)) != 0)
    return posix_error(errno, "set the size of the unpacked " + source.path);
  Options halved;
  halved.stop = options.stop;
  if (options.on_progress)
    halved.on_progress = [&options](const Progress& p) {
      options.on_progress({p.done / 2, p.total / 2});
    };
  Meter meter{halved, size * 2};
  std::uint64_t converted = 0;
  // The child outlives us when we are killed; with its own description of the file it does
  // not keep our lock.
  const auto child_target = TRY(reopen(target, O_RDWR));
  Conversion conversion;
  conversion.source = image;
  conversion.target = child_target.get();
  conversion.name = source.path;
  conversion.stop = options.stop;
  conversion.on_percent = [&](double percent) {
    const auto done = static_cast<std::uint64_t>(static_cast<double>(size) * percent / 100);
    if (done <= converted || done > size) return;
    static_cast<void>(meter.advance(done - converted));  // a stop ends the child just as soon
    converted = done;
  };
  TRY(convert_qcow2(conversion));
  const auto found = static_cast<std::uint64_t>(TRY(stat_of(target, source.path)).st_size);
  if (found != size) return size_differs(source, found);
  TRY(sync_file(target, source.path));
  if (!source.sha256.empty()) {
    const auto reader = read_raw(TRY(reopen(target, O_RDONLY)), source.path);
    TRY(transfer(*reader, nullptr, expectation(source), meter));
  }
  return count_data(target, source.path);
}

Result<std::uint64_t> unpack_stream(const Source& source, UniqueFd image,
                                    const PartialFile& partial, const Options& options) {
  Meter meter{options, source.virtual_size};
  SparseWriter writer{partial.fd(), partial.path()};
  const auto reader = stream(source, std::move(image));
  TRY(transfer(*reader, &writer, expectation(source), meter));
  TRY(writer.finish());
  return writer.data_bytes();
}

Result<UniqueFd> unnamed_file() {
  const char* folder = std::getenv("TMPDIR");
  const std::string path = folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
  UniqueFd fd{::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!fd) return posix_error(errno, "create a temporary file in " + path);
  return fd;
}

}  // namespace

std::string_view to_string(Format format) {
  switch (format) {
    case Format::raw: return "raw";
    case Format::raw_zst: return "raw.zst";
    case Format::qcow2: return "qcow2";
  }
  return "?";
}

std::optional<Format> format_from_string(std::string_view text) {
  for (const auto format : {Format::raw, Format::raw_zst, Format::qcow2})
    if (text == to_string(format)) return format;
  return {};
}

Result<Restored> restore(const Source& source, const std::string& target, const Options& options) {
  auto image = TRY(open_source(source));
  auto partial = TRY(PartialFile::create(target));
  const auto data = TRY(source.format == Format::qcow2
                            ? unpack_qcow2(source, image.get(), partial.fd(), options)
                            : unpack_stream(source, std::move(image), partial, options));
  if (options.stop.stop_requested()) return Error{Errc::unavailable, "interrupted"};
  TRY(partial.commit());
  if (options.on_progress) options.on_progress({source.virtual_size, source.virtual_size});
  return Restored{source.virtual_size, data};
}

Result<void> verify(const Source& source, const Options& options) {
  auto image = TRY(open_source(source));
  if (source.format == Format::qcow2) {
    const auto target = TRY(unnamed_file());
    TRY(unpack_qcow2(source, image.get(), target.get(), options));
  } else {
    Meter meter{options, source.virtual_size};
    const auto reader = stream(source, std::move(image));
    TRY(transfer(*reader, nullptr, expectation(source), meter));
  }
  if (options.on_progress) options.on_progress({source.virtual_size, source.virtual_size});
  return ok();
}

Result<ImageInfo> describe(const std::string& path) {
  const auto file = TRY(open_regular(AT_FDCWD, path));
  const auto size = static_cast<std::uint64_t>(TRY(stat_of(file.get(), path)).st_size);
  const auto head = TRY(read_head(file.get(), path));
  if (is_qcow2(head)) return ImageInfo{Format::qcow2, size, TRY(check_qcow2(head, path))};
  if (is_zstd(head)) return ImageInfo{Format::raw_zst, size, TRY(zstd_content_size(head, path))};
  return ImageInfo{Format::raw, size, size};
}

}  // namespace holdfast::imaging
