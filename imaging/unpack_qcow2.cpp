// SPDX-License-Identifier: Apache-2.0
#include "imaging/unpack_qcow2.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "imaging/content.hpp"
#include "imaging/disk_target.hpp"
#include "imaging/posix.hpp"
#include "imaging/qcow2.hpp"

namespace holdfast::imaging {
namespace {

// The options of one half of a job; the progress of the other half is in front or behind.
Options half_of(const Options& options, std::uint64_t done_before) {
  Options half = options;
  if (options.on_progress)
    half.on_progress = [&options, done_before](const Progress& p) {
      options.on_progress({done_before + p.done / 2, p.total});
    };
  return half;
}

Result<void> check_content(const OpenedImage& image, int target, const Options& options) {
  const auto& source = image.source();
  const auto promise = promise_of(source);
  if (promise.tree == nullptr && promise.sha256.empty()) return ok();
  const auto piece_size =
      static_cast<std::uint32_t>(promise.tree != nullptr ? promise.tree->frame_size : chunk_size);
  const auto layout = raw_layout(DataMap{target, source.path, source.virtual_size},
                                 source.virtual_size, piece_size, {.tree = promise.tree});
  ContentJob job{promise, layout.get()};
  const auto reader = TRY(reopen(target, O_RDONLY));
  Route route;
  route.source = reader.get();
  route.source_path = source.path;
  route.files = {reader.get()};
  route.disk_size = source.virtual_size;
  route.piece_size = piece_size;
  return run(job, route, options);
}

}  // namespace

Result<std::uint64_t> unpack_qcow2(const OpenedImage& image, int target, const Options& options) {
  const auto& source = image.source();
  const auto size = source.virtual_size;
  if (::ftruncate(target, static_cast<off_t>(size)) != 0)
    return posix_error(errno, "set the size of the unpacked " + source.path);
  auto first_half = half_of(options, 0);
  first_half.max_bytes_per_second = 0;  // qemu-img keeps to it itself
  Meter meter{first_half, size};
  std::uint64_t converted = 0;
  // The child outlives us when we are killed; with its own description of the file it does
  // not keep our lock.
  const auto child_target = TRY(reopen(target, O_RDWR));
  Conversion conversion;
  conversion.source = image.fd();
  conversion.target = child_target.get();
  conversion.name = source.path;
  conversion.is_direct = static_cast<bool>(reopen(target, O_RDWR | O_DIRECT));
  conversion.max_bytes_per_second = options.max_bytes_per_second;
  conversion.priority = options.priority;
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
  TRY(check_content(image, target, half_of(options, size / 2)));
  return count_data(target, source.path);
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

Result<UniqueFd> unnamed_file() {
  const char* folder = std::getenv("TMPDIR");
  const std::string path = folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
  UniqueFd fd{::open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!fd) return posix_error(errno, "create a temporary file in " + path);
  return fd;
}

}  // namespace holdfast::imaging
