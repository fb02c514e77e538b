// SPDX-License-Identifier: Apache-2.0
#include "imaging/seek_table.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint32_t skippable_magic = 0x184D2A5E;
constexpr std::uint32_t seekable_magic = 0x8F92EAB1;
constexpr std::size_t skippable_header_size = 8;
constexpr std::uint8_t checksum_flag = 0x80;
constexpr std::uint8_t reserved_bits = 0x7c;  // the two lowest are to be ignored

std::uint32_t read_32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

void add_32(std::vector<std::byte>& bytes, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
}

Error refusal(const std::string& name, std::uint64_t offset, const std::string& why) {
  return {Errc::invalid,
          name + ": damaged seek table at offset " + std::to_string(offset) + ": " + why};
}

std::size_t entry_size(std::uint8_t descriptor) {
  return (descriptor & checksum_flag) != 0 ? 12 : 8;
}

}  // namespace

Result<std::optional<std::uint64_t>> seek_table_size(std::span<const std::byte> footer,
                                                     std::uint64_t file_size,
                                                     const std::string& name) {
  using Size = std::optional<std::uint64_t>;
  if (footer.size() != seek_footer_size || read_32(footer, 5) != seekable_magic) return Size{};
  const auto offset = file_size - seek_footer_size;
  const auto count = read_32(footer, 0);
  const auto descriptor = std::to_integer<std::uint8_t>(footer[4]);
  if ((descriptor & reserved_bits) != 0) return refusal(name, offset, "reserved bits are set");
  if (count > max_seek_frames)
    return refusal(
        name, offset,
        std::to_string(count) + " frames, expected at most " + std::to_string(max_seek_frames));
  const auto size =
      skippable_header_size + std::uint64_t{count} * entry_size(descriptor) + seek_footer_size;
  if (size > file_size)
    return refusal(name, offset, std::to_string(count) + " frames need a longer file");
  return Size{size};
}

Result<SeekTable> parse_seek_table(std::span<const std::byte> bytes, std::uint64_t file_size,
                                   const std::string& name) {
  if (bytes.size() < skippable_header_size + seek_footer_size || bytes.size() > file_size)
    return refusal(name, file_size, "cut off");
  const auto expected = TRY(seek_table_size(bytes.last(seek_footer_size), file_size, name));
  SeekTable table;
  table.table_offset = file_size - bytes.size();
  if (!expected || *expected != bytes.size())
    return refusal(name, table.table_offset, "its size and its number of frames differ");
  if (read_32(bytes, 0) != skippable_magic ||
      read_32(bytes, 4) != bytes.size() - skippable_header_size)
    return refusal(name, table.table_offset, "no skippable frame begins here");
  const auto footer = bytes.last(seek_footer_size);
  const auto count = read_32(footer, 0);
  const auto step = entry_size(std::to_integer<std::uint8_t>(footer[4]));
  table.frames.reserve(count);
  std::uint64_t file_offset = 0;
  for (std::size_t i = 0; i < count; ++i) {  // sums of 2^20 32-bit numbers: no overflow
    const auto at = skippable_header_size + i * step;
    const Frame frame{file_offset, table.disk_size, read_32(bytes, at), read_32(bytes, at + 4)};
    file_offset += frame.file_size;
    table.disk_size += frame.disk_size;
    table.frames.push_back(frame);
  }
  if (file_offset != table.table_offset)
    return refusal(name, table.table_offset,
                   "its frames end at offset " + std::to_string(file_offset));
  return table;
}

std::vector<std::byte> print_seek_table(std::span<const Frame> frames) {
  std::vector<std::byte> bytes;
  const auto size = frames.size() * 8 + seek_footer_size;
  bytes.reserve(skippable_header_size + size);
  add_32(bytes, skippable_magic);
  add_32(bytes, static_cast<std::uint32_t>(size));
  for (const auto& frame : frames) {
    add_32(bytes, frame.file_size);
    add_32(bytes, frame.disk_size);
  }
  add_32(bytes, static_cast<std::uint32_t>(frames.size()));
  bytes.push_back(std::byte{0});  // no checksums: each frame carries its own
  add_32(bytes, seekable_magic);
  return bytes;
}

}  // namespace holdfast::imaging
