// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "imaging/content.hpp"
#include "imaging/content_job.hpp"
#include "imaging/disk_target.hpp"
#include "imaging/image.hpp"
#include "imaging/opened_image.hpp"
#include "imaging/posix.hpp"
#include "imaging/unpack_qcow2.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t head_size = block_size;
// One call of the kernel's, between two looks at `stop`. A device without the command for it
// writes them all.
constexpr std::uint64_t zero_step = 16 * 1024 * 1024;

// Keeps the disk's head back until the rest is durable.
class HeadLast final : public ContentJob {
 public:
  using ContentJob::ContentJob;
  Result<void> place(Slot& slot) override {
    std::vector<Run> others;
    for (const auto& run : slot.runs) {
      if (run.offset >= head_size) {
        others.push_back(run);
        continue;
      }
      const auto size = std::min<std::size_t>(run.bytes.size(), head_size - run.offset);
      const auto head = run.bytes.first(size);
      heads_.emplace_back(run.offset, std::vector(head.begin(), head.end()));
      if (size < run.bytes.size()) others.push_back({run.bytes.subspan(size), run.offset + size});
    }
    slot.runs = std::move(others);
    return ok();
  }
  Result<void> write_heads(int device, const std::string& path) const {
    for (const auto& [offset, bytes] : heads_) TRY(write_at(device, offset, bytes, path));
    return ok();
  }

 private:
  std::vector<std::pair<std::uint64_t, std::vector<std::byte>>> heads_{};
};

Result<UniqueFd> open_device(const std::string& path, std::uint64_t needed) {
  UniqueFd device{::open(path.c_str(), O_RDWR | O_CLOEXEC | O_EXCL | O_NONBLOCK)};
  if (!device && errno == EBUSY)
    return Error{Errc::conflict, path + " is mounted or otherwise in use"};
  if (!device) return posix_error(errno, "open " + path);
  const auto info = TRY(stat_of(device.get(), path));
  if (!S_ISBLK(info.st_mode)) return Error{Errc::invalid, path + " is no block device"};
  std::uint64_t size = 0;
  if (::ioctl(device.get(), BLKGETSIZE64, &size) != 0)
    return posix_error(errno, "find the size of " + path);
  if (size < needed)
    return Error{Errc::invalid, path + " has " + std::to_string(size) +
                                    " bytes, too few for a disk of " + std::to_string(needed)};
  return device;
}

Result<void> clear(int device, const std::string& path, std::uint64_t size,
                   const Options& options) {
  for (std::uint64_t at = 0; at < size; at += zero_step) {
    if (options.stop.stop_requested()) return Error{Errc::unavailable, "interrupted"};
    // The device ends on a sector, and so may what is cleared of it.
    const auto length = (std::min(zero_step, size - at) + 511) & ~std::uint64_t{511};
    std::array<std::uint64_t, 2> range{at, length};
    if (::ioctl(device, BLKZEROOUT, range.data()) != 0)
      return posix_error(errno, "clear " + path + " at offset " + std::to_string(at));
  }
  return ok();
}

}  // namespace

Result<Restored> restore_over_device(const Source& source, const std::string& device,
                                     const Options& options) {
  const auto image = TRY(OpenedImage::open(source));
  const auto file = TRY(open_device(device, source.virtual_size));
  const Skips skips{tree_of(source), nullptr, true};
  auto reading = reading_of(image, skips, options);
  const auto promise = promise_of(source);
  UniqueFd unpacked;
  if (source.format == Format::qcow2) {
    unpacked = TRY(unnamed_file());
    Options quiet = options;
    quiet.on_progress = {};
    TRY(unpack_qcow2(image, unpacked.get(), quiet));
    reading.layout = raw_layout(DataMap{unpacked.get(), source.path, source.virtual_size},
                                source.virtual_size, reading.piece_size, skips);
  }
  TRY(clear(file.get(), device, source.virtual_size, options));
  auto target = TRY(DiskTarget::on_device(file.get(), device, reading.is_aligned));
  HeadLast job{promise, reading.layout.get()};
  auto route = route_of(image, reading, &target);
  if (unpacked) route.source = unpacked.get();
  route.files = target.files();
  route.files.push_back(route.source);
  TRY(run(job, route, options));
  TRY(image.check_unchanged());
  TRY(target.finish());
  TRY(job.write_heads(file.get(), device));
  TRY(sync_file(file.get(), device));
  if (options.on_progress) options.on_progress({source.virtual_size, source.virtual_size});
  return Restored{source.virtual_size, job.data_bytes(), 0, false};
}

}  // namespace holdfast::imaging
