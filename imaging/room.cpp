// SPDX-License-Identifier: Apache-2.0
#include "imaging/room.hpp"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "imaging/content_job.hpp"
#include "imaging/posix.hpp"
#include "imaging/unpack_qcow2.hpp"

namespace holdfast::imaging {
namespace {

// statfs(2): what these can hold is more than the room that they say is free.
constexpr std::array<unsigned long, 3> compressing{0x9123683eUL,   // btrfs
                                                   0x2fc12fc1UL,   // ZFS
                                                   0xca451a4eUL};  // bcachefs

// Nothing where that says too little.
Result<std::optional<std::uint64_t>> free_bytes(int file, const std::string& path) {
  using Free = std::optional<std::uint64_t>;
  struct statfs info {};
  if (::fstatfs(file, &info) != 0) return posix_error(errno, "look for room for " + path);
  const auto kind = static_cast<unsigned long>(info.f_type);
  if (std::find(compressing.begin(), compressing.end(), kind) != compressing.end()) return Free{};
  const auto blocks = ::geteuid() == 0 ? info.f_bfree : info.f_bavail;  // root may use its reserve
  return Free{static_cast<std::uint64_t>(blocks) * static_cast<std::uint64_t>(info.f_bsize)};
}

// Nothing where only decompressing all of it would tell.
Result<std::optional<std::uint64_t>> most_bytes(const OpenedImage& image,
                                                const std::vector<char>& present) {
  using Most = std::optional<std::uint64_t>;
  const auto& source = image.source();
  if (source.format == Format::qcow2) return Most{};
  if (!source.tree) {
    if (source.format != Format::raw) return Most{};
    return Most{TRY(count_data(image.fd(), source.path))};
  }
  const auto size = source.tree->frame_size;
  std::uint64_t bytes = 0;
  for (const auto& [number, hash] : source.tree->frames)
    if (number >= present.size() || present[number] == 0)
      bytes += std::min(size, source.virtual_size - number * size);
  return Most{bytes};
}

// What is left when blocks of zeros inside of the data are holes.
Result<std::uint64_t> count_writes(const OpenedImage& image, const std::vector<char>& present,
                                   const Options& options) {
  Options quiet = options;
  quiet.on_progress = {};
  const Skips skips{tree_of(image.source()), present.empty() ? nullptr : &present, true};
  const auto reading = reading_of(image, skips, quiet);
  auto promise = promise_of(image.source());
  promise.sha256.clear();  // the restore itself checks that
  ContentJob job{promise, reading.layout.get()};
  job.pass_over(skips.present);
  TRY(run(job, route_of(image, reading, nullptr), quiet));
  return job.data_bytes();
}

}  // namespace

Result<void> check_room(const OpenedImage& image, const std::vector<char>& present, int file,
                        const std::string& path, const Options& options) {
  const auto most = TRY(most_bytes(image, present));
  const auto free = TRY(free_bytes(file, path));
  if (!most || !free || *most <= *free) return ok();
  const auto needed = TRY(count_writes(image, present, options));
  if (needed <= *free) return ok();
  return Error{Errc::exhausted, path + ": no room: " + std::to_string(needed) +
                                    " bytes are needed, " + std::to_string(*free) + " are free"};
}

}  // namespace holdfast::imaging
