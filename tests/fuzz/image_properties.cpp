// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "imaging/frame_tree.hpp"
#include "imaging/image.hpp"
#include "imaging/range.hpp"
#include "imaging/seek_table.hpp"
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
