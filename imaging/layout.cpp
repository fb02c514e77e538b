// SPDX-License-Identifier: Apache-2.0
#include "imaging/layout.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

bool is_present(const Skips& skips, std::uint64_t frame) {
  return skips.present != nullptr && frame < skips.present->size() && (*skips.present)[frame] != 0;
}

bool has_data(const Skips& skips, std::uint64_t frame) {
  return skips.tree != nullptr && skips.tree->frames.count(frame) != 0;
}

class RawLayout final : public Layout {
 public:
  RawLayout(DataMap map, std::uint64_t disk_size, std::uint32_t piece_size, Skips skips)
      : map_{std::move(map)}, disk_size_{disk_size}, piece_size_{piece_size}, skips_{skips} {}

  Result<std::optional<Piece>> next() override {
    while (offset_ < disk_size_) {
      const auto number = offset_ / piece_size_;
      const auto needed = TRY(next_needed(number));
      if (needed > number) {
        offset_ = needed * piece_size_;
        continue;
      }
      const auto size =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(piece_size_, disk_size_ - offset_));
      const Piece piece{offset_, size, offset_, size, false};
      offset_ += size;
      if (!is_present(skips_, number)) return std::optional{piece};
    }
    return std::optional<Piece>{};
  }

 private:
  // The first piece from `number` on with data in the file or by the tree; one behind the
  // disk's last when there is none.
  Result<std::uint64_t> next_needed(std::uint64_t number) {
    const auto data = TRY(map_.after(number * piece_size_));
    auto needed = frame_count(disk_size_, piece_size_);
    if (data) needed = std::max(number, data->start / piece_size_);
    if (skips_.tree != nullptr) {
      const auto frame = skips_.tree->frames.lower_bound(number);
      if (frame != skips_.tree->frames.end()) needed = std::min(needed, frame->first);
    }
    return needed;
  }

  DataMap map_;
  std::uint64_t disk_size_;
  std::uint32_t piece_size_;
  Skips skips_;
  std::uint64_t offset_ = 0;
};

class FrameLayout final : public Layout {
 public:
  FrameLayout(const SeekTable& table, std::string path, Skips skips)
      : table_{table}, path_{std::move(path)}, skips_{skips} {}

  Result<std::optional<Piece>> next() override {
    for (; next_ < table_.frames.size(); ++next_) {
      const auto& frame = table_.frames[next_];
      if (frame.disk_size == 0) continue;  // another skippable frame
      if (frame.file_size == 0)
        return Error{Errc::invalid, path_ + ": damaged seek table: frame " + std::to_string(next_) +
                                        " has content and no bytes"};
      if (skips_.tree != nullptr) {
        const auto number = frame.disk_offset / skips_.tree->frame_size;
        if (is_present(skips_, number) || (skips_.skips_zeros && !has_data(skips_, number)))
          continue;
      }
      ++next_;
      return std::optional{
          Piece{frame.disk_offset, frame.disk_size, frame.file_offset, frame.file_size, true}};
    }
    return std::optional<Piece>{};
  }

 private:
  const SeekTable& table_;
  std::string path_;
  Skips skips_;
  std::size_t next_ = 0;
};

}  // namespace

Result<std::optional<Extent>> DataMap::after(std::uint64_t offset) {
  using Found = std::optional<Extent>;
  if (offset >= size_) return Found{};
  if (last_ && offset < last_->end && offset >= last_->start) return Found{last_};
  const auto start = ::lseek(file_, static_cast<off_t>(offset), SEEK_DATA);
  if (start < 0 && errno == ENXIO) return Found{};
  if (start < 0) return Found{Extent{offset, size_}};  // not known here
  const auto end = ::lseek(file_, start, SEEK_HOLE);
  if (end < 0) return posix_error(errno, "look for holes in " + path_);
  const auto found = static_cast<std::uint64_t>(start);
  if (found >= size_) return Found{};
  last_ = Extent{found, std::min(static_cast<std::uint64_t>(end), size_)};
  return Found{last_};
}

std::unique_ptr<Layout> raw_layout(DataMap map, std::uint64_t disk_size, std::uint32_t piece_size,
                                   Skips skips) {
  return std::make_unique<RawLayout>(std::move(map), disk_size, piece_size, skips);
}

std::unique_ptr<Layout> frame_layout(const SeekTable& table, std::string path, Skips skips) {
  return std::make_unique<FrameLayout>(table, std::move(path), skips);
}

}  // namespace holdfast::imaging
