// SPDX-License-Identifier: Apache-2.0
#include "imaging/zstd_frames.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>

#include "imaging/zstd.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::size_t magic_size = 4;
constexpr std::size_t skippable_header_size = 8;
constexpr std::size_t largest_header = 18;  // bytes, the magic number with it
constexpr std::size_t block_header_size = 3;
constexpr std::size_t checksum_size = 4;
constexpr std::uint64_t largest_block = 128 * 1024;  // bytes
enum BlockType { raw_block, rle_block, compressed_block, reserved_block };

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

struct FrameHeader {
  std::size_t size = 0;  // bytes, the magic number with it
  std::optional<std::uint64_t> content_size{};
  std::uint64_t window_size = 0;
  bool has_checksum = false;
};

// Nothing when it is cut off or not one that the stream's decompressor would take.
std::optional<FrameHeader> parse_header(std::span<const std::byte> head) {
  if (head.size() <= magic_size || little_endian(head.first(magic_size)) != ZSTD_MAGICNUMBER)
    return std::nullopt;
  const auto descriptor = std::to_integer<unsigned>(head[magic_size]);
  const bool is_single_segment = (descriptor & 0x20U) != 0;
  constexpr std::array<std::size_t, 4> dictionary_sizes{0, 1, 2, 4};
  const std::array<std::size_t, 4> content_sizes{is_single_segment ? 1U : 0U, 2, 4, 8};
  const auto dictionary_size = dictionary_sizes.at(descriptor & 3U);
  const auto content_field = content_sizes.at(descriptor >> 6U);
  const std::size_t window_at = magic_size + 1;
  const auto content_at = window_at + (is_single_segment ? 0 : 1) + dictionary_size;
  FrameHeader header;
  header.size = content_at + content_field;
  header.has_checksum = (descriptor & 4U) != 0;
  if ((descriptor & 8U) != 0 || head.size() < header.size) return std::nullopt;
  if (content_field > 0)
    header.content_size =
        little_endian(head.subspan(content_at, content_field)) + (content_field == 2 ? 256 : 0);
  if (is_single_segment) {
    header.window_size = *header.content_size;
  } else {
    const auto field = std::to_integer<unsigned>(head[window_at]);
    const auto base = std::uint64_t{1} << (10 + (field >> 3U));
    header.window_size = base + base / 8 * (field & 7U);
    if (header.window_size > max_zstd_window) return std::nullopt;
  }
  return header;
}

struct BlockHeader {
  bool is_last = false;
  std::uint64_t type = 0;
  std::uint64_t size = 0;

  bool is_good(std::uint64_t limit) const { return type != reserved_block && size <= limit; }
  std::uint64_t packed() const { return block_header_size + (type == rle_block ? 1 : size); }
  // At most, where no block has more than `limit`.
  std::uint64_t content(std::uint64_t limit) const {
    return type == compressed_block ? limit : size;
  }
};

BlockHeader parse_block(const std::array<std::byte, block_header_size>& bytes) {
  const auto bits = little_endian(bytes);
  return {(bits & 1U) != 0, bits >> 1U & 3U, bits >> 3U};
}

// What a frame's blocks add up to.
struct Extent {
  std::uint64_t end = 0;      // in the file
  std::uint64_t content = 0;  // bytes, at most
};

Result<std::optional<Extent>> walk_blocks(const BytesAt& bytes_at, std::uint64_t offset,
                                          const FrameHeader& header, std::uint64_t file_size,
                                          std::uint64_t limit) {
  using Found = std::optional<Extent>;
  const auto block_limit = std::min(header.window_size, largest_block);
  Extent extent{offset + header.size, 0};
  const auto is_too_large = [&] {
    const auto packed = extent.end - offset;
    const auto unpacked = header.content_size ? 0 : extent.content;
    return extent.end > file_size || packed + unpacked > limit;
  };
  for (bool is_last = false; !is_last;) {
    std::array<std::byte, block_header_size> bytes{};
    if (TRY(bytes_at(extent.end, bytes)) < bytes.size()) return Found{};
    const auto block = parse_block(bytes);
    is_last = block.is_last;
    if (!block.is_good(block_limit)) return Found{};
    extent.end += block.packed();
    extent.content += block.content(block_limit);
    if (is_too_large()) return Found{};
  }
  if (header.has_checksum) extent.end += checksum_size;
  if (extent.end > file_size) return Found{};
  if (header.content_size) extent.content = *header.content_size;
  return Found{extent};
}

}  // namespace

Result<std::optional<ZstdFrame>> measure_zstd_frame(const BytesAt& bytes_at, std::uint64_t offset,
                                                    std::uint64_t file_size, std::uint64_t limit) {
  using Found = std::optional<ZstdFrame>;
  std::array<std::byte, largest_header> bytes{};
  const auto head = std::span{bytes}.first(TRY(bytes_at(offset, bytes)));
  if (head.size() >= skippable_header_size &&
      (little_endian(head.first(magic_size)) & ZSTD_MAGIC_SKIPPABLE_MASK) ==
          ZSTD_MAGIC_SKIPPABLE_START) {
    const auto size = skippable_header_size + little_endian(head.subspan(magic_size, 4));
    if (size > file_size - offset) return Found{};
    return Found{ZstdFrame{offset, size, 0, true}};
  }
  const auto header = parse_header(head);
  if (!header || header->content_size.value_or(0) > limit) return Found{};
  const auto extent = TRY(walk_blocks(bytes_at, offset, *header, file_size, limit));
  if (!extent || extent->end - offset + extent->content > limit) return Found{};
  return Found{ZstdFrame{offset, extent->end - offset, extent->content, false}};
}

}  // namespace holdfast::imaging
