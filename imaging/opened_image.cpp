// SPDX-License-Identifier: Apache-2.0
#include "imaging/opened_image.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "imaging/content.hpp"
#include "imaging/posix.hpp"
#include "imaging/qcow2.hpp"
#include "imaging/zstd.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t direct_alignment = 4096;  // bytes
constexpr std::uint64_t fewest_slots = 3;         // one read, one computed, one written

// Whether the table's frames can be the pieces: they fit in memory, and are the tree's frames
// where there is a tree.
bool suits(const SeekTable& table, const Source& source, std::uint64_t memory) {
  std::uint64_t largest = 0;
  for (const auto& frame : table.frames) {
    largest = std::max<std::uint64_t>(largest, std::uint64_t{frame.disk_size} + frame.file_size);
    if (!source.tree || frame.disk_size == 0) continue;
    const auto size = source.tree->frame_size;
    const bool is_last = frame.disk_offset + frame.disk_size == table.disk_size;
    if (frame.disk_offset % size != 0 ||
        (is_last ? frame.disk_size > size : frame.disk_size != size))
      return false;
  }
  return largest * fewest_slots <= memory;
}

// Most of the memory is for what has to be decompressed as a whole; a few pieces are enough to
// compute and to write them.
std::uint64_t stream_memory(std::uint64_t memory, std::uint64_t piece_size) {
  const auto pieces = std::max(fewest_slots * piece_size, memory / 4);
  return memory > pieces ? memory - pieces : 0;
}

}  // namespace

Result<std::vector<std::byte>> read_head(int fd, const std::string& path) {
  std::vector<std::byte> head(qcow2_header_size);
  head.resize(TRY(read_at(fd, 0, head, path)));
  return head;
}

Result<std::optional<SeekTable>> read_seek_table(int fd, std::uint64_t file_size,
                                                 const std::string& path) {
  using Found = std::optional<SeekTable>;
  if (file_size < seek_footer_size) return Found{};
  std::vector<std::byte> bytes(seek_footer_size);
  bytes.resize(TRY(read_at(fd, file_size - seek_footer_size, bytes, path)));
  const auto size = TRY(seek_table_size(bytes, file_size, path));
  if (!size) return Found{};
  bytes.resize(*size);
  bytes.resize(TRY(read_at(fd, file_size - *size, bytes, path)));
  return Found{TRY(parse_seek_table(bytes, file_size, path))};
}

Error size_differs(const Source& source, std::uint64_t found) {
  return {Errc::invalid, source.path + ": expected a disk of " +
                             std::to_string(source.virtual_size) + " bytes, found " +
                             std::to_string(found)};
}

Result<OpenedImage> OpenedImage::open(const Source& source) {
  if (!source.sha256.empty()) TRY(check_hash_form(source.sha256, source.path));
  if (source.tree) TRY(check_tree(*source.tree, source.virtual_size, source.path));
  OpenedImage image;
  image.source_ = &source;
  image.file_ = TRY(open_regular(AT_FDCWD, source.path));
  image.info_ = TRY(stat_of(image.fd(), source.path));
  const auto file_size = static_cast<std::uint64_t>(image.info_.st_size);
  switch (source.format) {
    case Format::raw:
      if (file_size != source.virtual_size) return size_differs(source, file_size);
      break;
    case Format::raw_zst:
      image.table_ = TRY(read_seek_table(image.fd(), file_size, source.path));
      if (image.table_ && image.table_->disk_size != source.virtual_size)
        return size_differs(source, image.table_->disk_size);
      break;
    case Format::qcow2:
      const auto head = TRY(read_head(image.fd(), source.path));
      const auto size = TRY(check_qcow2(head, source.path));
      if (size != source.virtual_size) return size_differs(source, size);
      break;
  }
  return image;
}

Result<void> OpenedImage::check_unchanged() const {
  const auto now = TRY(stat_of(fd(), source_->path));
  if (now.st_size == info_.st_size && now.st_mtim.tv_sec == info_.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == info_.st_mtim.tv_nsec)
    return ok();
  return Error{Errc::conflict, source_->path + " was changed while it was read"};
}

const FrameTree* tree_of(const Source& source) { return source.tree ? &*source.tree : nullptr; }

Promise promise_of(const Source& source) {
  return {source.path, source.virtual_size, tree_of(source),
          source.tree ? std::string{} : source.sha256};
}

Route route_of(const OpenedImage& image, const Reading& reading, Target* target) {
  Route route;
  route.source = image.fd();
  route.source_path = image.source().path;
  route.stream = reading.stream.get();
  route.target = target;
  route.files = {image.fd()};
  route.disk_size = image.source().virtual_size;
  route.piece_size = reading.piece_size;
  route.packed_size = reading.packed_size;
  route.stream_memory = reading.stream_memory;
  return route;
}

Reading reading_of(const OpenedImage& image, Skips skips, const Options& options) {
  const auto& source = image.source();
  Reading reading;
  reading.piece_size =
      static_cast<std::uint32_t>(source.tree ? source.tree->frame_size : chunk_size);
  if (source.format == Format::raw_zst && image.table() &&
      suits(*image.table(), source, options.memory)) {
    for (const auto& frame : image.table()->frames) {
      reading.piece_size = std::max(reading.piece_size, frame.disk_size);
      reading.packed_size = std::max(reading.packed_size, frame.file_size);
      if (frame.disk_offset % direct_alignment != 0) reading.is_aligned = false;
    }
    reading.layout = frame_layout(*image.table(), source.path, skips);
  } else if (source.format == Format::raw_zst) {
    reading.stream_memory = stream_memory(options.memory, reading.piece_size);
    reading.stream =
        read_zstd(image.fd(), source.path,
                  {workers_of(options), reading.stream_memory, options.priority, options.stop});
  } else {
    reading.layout = raw_layout(DataMap{image.fd(), source.path, source.virtual_size},
                                source.virtual_size, reading.piece_size, skips);
  }
  return reading;
}

}  // namespace holdfast::imaging
