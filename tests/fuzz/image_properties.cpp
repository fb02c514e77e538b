// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/unique_fd.hpp"
#include "imaging/frame_tree.hpp"
#include "imaging/image.hpp"
#include "imaging/range.hpp"
#include "imaging/seek_table.hpp"
#include "imaging/zstd.hpp"
#include "imaging/zstd_frames.hpp"
#include "tests/fuzz/properties.hpp"

namespace holdfast {

std::string broken_property_of_seek_table(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  const auto footer = bytes.last(std::min(bytes.size(), imaging::seek_footer_size));
  const auto size = imaging::seek_table_size(footer, bytes.size(), "fuzz");
  if (!size || !*size) return {};
  const auto table = imaging::parse_seek_table(bytes.last(**size), bytes.size(), "fuzz");
  if (!table) return {};
  std::uint64_t file_offset = 0;
  std::uint64_t disk_offset = 0;
  for (const auto& frame : table->frames) {
    if (frame.file_offset != file_offset || frame.disk_offset != disk_offset)
      return "the frames do not tile the file and the disk";
    file_offset += frame.file_size;
    disk_offset += frame.disk_size;
  }
  if (file_offset != table->table_offset || disk_offset != table->disk_size)
    return "the frames do not end where the table says";
  auto printed = std::vector<std::byte>(file_offset);
  const auto again = imaging::print_seek_table(table->frames);
  printed.insert(printed.end(), again.begin(), again.end());
  const auto reread = imaging::parse_seek_table(again, printed.size(), "printed");
  if (!reread) return "a printed table is refused: " + reread.error().message();
  return reread->frames.size() == table->frames.size() && reread->disk_size == disk_offset
             ? std::string{}
             : "a table reads back as something else";
}

std::string broken_property_of_frame_tree(std::string_view text) {
  std::istringstream lines{std::string{text}};
  imaging::TreeText tree;
  std::uint64_t size = 0;
  lines >> size >> tree.frame_size >> tree.root;
  for (std::string frame; lines >> frame;) tree.frames.push_back(frame);
  const auto parsed = imaging::parse_tree(tree, size, "fuzz");
  if (!parsed) return {};
  if (!imaging::check_tree(*parsed, size, "fuzz")) return "a parsed tree was not checked";
  const auto again = imaging::parse_tree(imaging::to_text(*parsed, size), size, "printed");
  if (!again) return "a printed tree is refused: " + again.error().message();
  return again->frames == parsed->frames && again->root == parsed->root
             ? std::string{}
             : "a tree reads back as something else";
}

namespace {

std::string broken_measure(std::span<const std::byte> bytes) {
  const auto bytes_at = [bytes](std::uint64_t offset,
                                std::span<std::byte> into) -> Result<std::size_t> {
    const auto rest = bytes.subspan(std::min<std::size_t>(offset, bytes.size()));
    const auto size = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), size, into.begin());
    return size;
  };
  constexpr std::uint64_t limit = 1 << 20;
  const auto found = imaging::measure_zstd_frame(bytes_at, 0, bytes.size(), limit);
  if (!found || !*found) return {};
  const auto& frame = **found;
  if (ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) != frame.file_size)
    return "a frame was measured that does not end where zstd says";
  std::vector<std::byte> content(2 * limit);
  const auto size = ZSTD_decompress(content.data(), content.size(), bytes.data(), frame.file_size);
  return ZSTD_isError(size) == 0 && size > frame.content_size
             ? "a frame holds more than was measured"
             : std::string{};
}

// What a stream gives, up to 1 MiB, and how it ends.
std::string told_by(int file, const imaging::ZstdReading& reading) {
  const auto stream = imaging::read_zstd(file, "fuzz", reading);
  std::string told;
  std::vector<std::byte> buffer(1 << 16);
  while (told.size() < 1 << 20) {
    const auto got = stream->read(buffer);
    if (!got) return told + got.error().message();
    if (*got == 0) break;
    told.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  return told;
}

}  // namespace

std::string broken_property_of_zstd_frames(std::string_view text) {
  if (auto broken = broken_measure(std::as_bytes(std::span{text})); !broken.empty()) return broken;
  const std::string path = "/tmp/holdfast-fuzz-zstd-" + std::to_string(::getpid());
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  ::unlink(path.c_str());
  imaging::ZstdReading ahead;
  ahead.threads = 2;
  ahead.memory = 1 << 20;
  return told_by(file.get(), ahead) == told_by(file.get(), {})
             ? std::string{}
             : "frames that are read ahead give something else";
}

std::string broken_property_of_packed_image(std::string_view text) {
  constexpr std::uint64_t largest = 16 << 20;  // bytes that an input may unpack to
  const std::string path = "/tmp/holdfast-fuzz-" + std::to_string(::getpid());
  std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
  const auto info = imaging::describe(path);
  if (!info || info->format != imaging::Format::raw_zst || !info->virtual_size ||
      *info->virtual_size > largest) {
    ::unlink(path.c_str());
    return {};
  }
  imaging::Source source;
  source.path = path;
  source.format = imaging::Format::raw_zst;
  source.virtual_size = *info->virtual_size;
  imaging::Options options;
  options.threads = 1;
  options.io = imaging::IoKind::threads;
  options.memory = largest;
  const auto verified = imaging::verify(source, options);
  std::uint64_t read_bytes = 0;
  const auto read = imaging::read_range(
      source, {0, source.virtual_size},
      [&](std::span<const std::byte> bytes) -> Result<void> {
        read_bytes += bytes.size();
        return ok();
      },
      options);
  ::unlink(path.c_str());
  if (static_cast<bool>(verified) != static_cast<bool>(read))
    return "verify and read_range do not agree";
  if (read && read_bytes != source.virtual_size) return "a range of another size came";
  return {};
}

}  // namespace holdfast
