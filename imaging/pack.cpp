// SPDX-License-Identifier: Apache-2.0
#include "imaging/pack.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/handle.hpp"
#include "imaging/content_job.hpp"
#include "imaging/disk_target.hpp"
#include "imaging/layout.hpp"
#include "imaging/opened_image.hpp"
#include "imaging/partial.hpp"
#include "imaging/posix.hpp"
#include "imaging/qcow2.hpp"
#include "imaging/seek_table.hpp"
#include "imaging/unpack_qcow2.hpp"

namespace holdfast::imaging {
namespace {

using CompressorHandle = Handle<ZSTD_CCtx, ZSTD_freeCCtx>;

// The disk to pack, as something that can be read at any offset.
struct Disk {
  UniqueFd file{};
  std::uint64_t size = 0;
};

// Frames of one disk to frames of one file, in order. A hole is a piece that nothing is read
// for: it still has to have its frame.
class PackJob final : public Job {
 public:
  PackJob(DataMap map, std::uint64_t disk_size, const PackSettings& settings)
      : map_{std::move(map)}, disk_size_{disk_size}, settings_{settings} {
    tree_.frame_size = settings.frame_size;
  }

  // The frame of zeros, which is used again and again.
  Result<void> prepare() {
    const std::vector<std::byte> zeros(settings_.frame_size);
    zero_frame_.resize(ZSTD_compressBound(zeros.size()));
    zero_frame_.resize(TRY(compress(zeros, zero_frame_, 0)));
    return ok();
  }

  Result<std::optional<Piece>> next() override {
    if (offset_ >= disk_size_) return std::optional<Piece>{};
    const auto size = std::min(settings_.frame_size, disk_size_ - offset_);
    const auto data = TRY(map_.after(offset_));
    const bool is_hole = !data || data->start >= offset_ + size;
    const Piece piece{offset_, static_cast<std::uint32_t>(size), offset_,
                      is_hole ? 0 : static_cast<std::uint32_t>(size), false};
    offset_ += size;
    return std::optional{piece};
  }

  Result<void> work(Slot& slot, unsigned worker) override {
    const auto content = slot.content();
    const bool is_hole = slot.piece.file_size == 0;
    slot.hash.reset();
    if (!is_hole && !is_zero(content)) {
      slot.hash = sha256_of(content);
      slot.packed_size = TRY(compress(content, slot.packed, worker));
      return ok();
    }
    if (content.size() == settings_.frame_size) {
      std::copy(zero_frame_.begin(), zero_frame_.end(), slot.packed.begin());
      slot.packed_size = zero_frame_.size();
      return ok();
    }
    std::memset(content.data(), 0, content.size());
    slot.packed_size = TRY(compress(content, slot.packed, worker));
    return ok();
  }

  bool is_ordered() const override { return true; }

  Result<void> place(Slot& slot) override {
    const auto size = static_cast<std::uint32_t>(slot.packed_size);
    frames_.push_back({file_size_, slot.piece.disk_offset, size, slot.piece.disk_size});
    slot.runs = {{slot.packed.first(size), file_size_}};
    file_size_ += size;
    if (!slot.hash) return ok();
    data_bytes_ += slot.piece.disk_size;
    tree_.frames.emplace_hint(tree_.frames.end(), slot.piece.disk_offset / tree_.frame_size,
                              *slot.hash);
    if (tree_.frames.size() > max_tree_frames)
      return Error{Errc::invalid, "more than " + std::to_string(max_tree_frames) +
                                      " frames of data; ask for larger frames"};
    return ok();
  }

  Result<void> absorb(Slot& slot) override {
    hasher_.add(slot.packed.first(slot.packed_size));
    absorbed_ = slot.piece.disk_offset + slot.piece.disk_size;
    return ok();
  }
  std::uint64_t absorbed() const override { return absorbed_; }

  // The table goes behind the last frame.
  Result<void> finish(int file, const std::string& path) {
    const auto table = print_seek_table(frames_);
    TRY(write_at(file, file_size_, table, path));
    hasher_.add(table);
    file_size_ += table.size();
    return ok();
  }

  Packed result() {
    tree_.root = root_of(tree_, disk_size_);
    return {disk_size_, data_bytes_, file_size_, to_hex(hasher_.finish()), std::move(tree_)};
  }

 private:
  Result<std::size_t> compress(std::span<const std::byte> content, std::span<std::byte> into,
                               unsigned worker) {
    auto& context = contexts_.at(worker);
    if (!context) {
      context.reset(ZSTD_createCCtx());
      if (!context) return Error{Errc::exhausted, "no memory for zstd"};
      ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, settings_.level);
      ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
      if (settings_.finds_long_matches) {
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_enableLongDistanceMatching, 1);
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog,
                               std::countr_zero(settings_.frame_size));
      }
    }
    const auto size =
        ZSTD_compress2(context.get(), into.data(), into.size(), content.data(), content.size());
    if (ZSTD_isError(size) != 0)
      return Error{Errc::exhausted, std::string{"zstd: "} + ZSTD_getErrorName(size)};
    return size;
  }

  DataMap map_;
  std::uint64_t disk_size_;
  PackSettings settings_;
  std::uint64_t offset_ = 0;
  std::vector<std::byte> zero_frame_{};
  std::array<CompressorHandle, max_workers> contexts_{};

  std::vector<Frame> frames_{};
  FrameTree tree_{};
  std::uint64_t file_size_ = 0;
  std::uint64_t data_bytes_ = 0;
  Sha256Hasher hasher_{};
  std::atomic<std::uint64_t> absorbed_ = 0;
};

Result<Disk> open_disk(const std::string& path, const Options& options) {
  // Not open_regular(): a block device is a disk as well.
  Disk disk{UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)}, 0};
  if (!disk.file && errno == ELOOP)
    return Error{Errc::invalid, path + " is a symbolic link; name the file itself"};
  if (!disk.file) return posix_error(errno, "open " + path);
  const auto info = TRY(stat_of(disk.file.get(), path));
  if (S_ISBLK(info.st_mode)) {
    if (::ioctl(disk.file.get(), BLKGETSIZE64, &disk.size) != 0)
      return posix_error(errno, "find the size of " + path);
    return disk;
  }
  if (!S_ISREG(info.st_mode))
    return Error{Errc::invalid, path + " is neither a regular file nor a block device"};
  disk.size = static_cast<std::uint64_t>(info.st_size);
  const auto head = TRY(read_head(disk.file.get(), path));
  if (!is_qcow2(head)) return disk;
  Source source{.path = path, .format = Format::qcow2, .virtual_size = 0, .sha256 = {}, .tree = {}};
  source.virtual_size = TRY(check_qcow2(head, path));
  const auto image = TRY(OpenedImage::open(source));
  disk.file = TRY(unnamed_file());
  disk.size = source.virtual_size;
  Options quiet = options;
  quiet.on_progress = {};
  TRY(unpack_qcow2(image, disk.file.get(), quiet));
  return disk;
}

Result<PackSettings> settings_for(PackSettings settings, std::uint64_t disk_size) {
  if (settings.level < 1 || settings.level > 19)
    return Error{Errc::invalid, "level " + std::to_string(settings.level) + ": expected 1 to 19"};
  if (!std::has_single_bit(settings.frame_size) || settings.frame_size < min_frame_size ||
      settings.frame_size > max_frame_size)
    return Error{Errc::invalid, "frames of " + std::to_string(settings.frame_size) +
                                    " bytes: expected a power of two from 64 KiB to 16 MiB"};
  while (frame_count(disk_size, settings.frame_size) > max_tree_frames &&
         settings.frame_size < max_frame_size)
    settings.frame_size *= 2;
  if (frame_count(disk_size, settings.frame_size) > max_seek_frames)
    return Error{Errc::invalid, "a disk of " + std::to_string(disk_size) +
                                    " bytes is more than a packed image can hold (16 TiB)"};
  return settings;
}

Result<Packed> pack_disk(const Disk& disk, const std::string& path, const PartialFile& partial,
                         const PackSettings& settings, const Options& options) {
  PackJob job{DataMap{disk.file.get(), path, disk.size}, disk.size, settings};
  TRY(job.prepare());
  auto target = TRY(DiskTarget::open(partial.fd(), partial.path(), 0, false));
  Route route;
  route.source = disk.file.get();
  route.source_path = path;
  route.target = &target;
  route.files = target.files();
  route.files.push_back(route.source);
  route.disk_size = disk.size;
  route.piece_size = static_cast<std::uint32_t>(settings.frame_size);
  route.packed_size = static_cast<std::uint32_t>(ZSTD_compressBound(settings.frame_size));
  TRY(run(job, route, options));
  TRY(job.finish(partial.fd(), partial.path()));
  TRY(target.finish());
  return job.result();
}

}  // namespace

Result<Packed> pack(const std::string& source, const std::string& target,
                    const PackSettings& settings, const Options& options) {
  const auto disk = TRY(open_disk(source, options));
  const auto suitable = TRY(settings_for(settings, disk.size).context("pack " + source));
  const auto before = TRY(stat_of(disk.file.get(), source));
  auto partial = TRY(PartialFile::create(target));
  auto packed = TRY(pack_disk(disk, source, partial, suitable, options));
  const auto after = TRY(stat_of(disk.file.get(), source));
  // A device's times say nothing; whoever packs one sees to it that nobody writes.
  if (S_ISREG(after.st_mode) &&
      (after.st_size != before.st_size || after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
       after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
    return Error{Errc::conflict, source + " was changed while it was read"};
  if (options.stop.stop_requested()) return Error{Errc::unavailable, "interrupted"};
  TRY(partial.commit());
  if (options.on_progress) options.on_progress({disk.size, disk.size});
  return packed;
}

}  // namespace holdfast::imaging
