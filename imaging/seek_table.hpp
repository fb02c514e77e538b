// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

// The seek table at the end of a file of independent zstd frames, in a skippable frame that
// every other reader passes over (Zstandard Seekable Format 0.1.0, from zstd's
// contrib/seekable_format/zstd_seekable_compression_format.md).
namespace holdfast::imaging {

// One frame: where its bytes lie, and where their content goes.
struct Frame {
  std::uint64_t file_offset = 0;
  std::uint64_t disk_offset = 0;
  std::uint32_t file_size = 0;  // bytes, compressed
  std::uint32_t disk_size = 0;  // bytes
};

struct SeekTable {
  std::vector<Frame> frames{};     // in order, without gaps from 0 on in both
  std::uint64_t table_offset = 0;  // in the file: the end of the last frame
  std::uint64_t disk_size = 0;     // bytes, of all frames
};

inline constexpr std::size_t seek_footer_size = 9;         // bytes
inline constexpr std::uint32_t max_seek_frames = 1 << 20;  // caps what a hostile file costs

// How many bytes at the end of a file of `file_size` the table takes, by the file's last nine
// bytes. Nothing when they are no seek table's footer. Errc::invalid when they are one that
// cannot be: reserved bits, more frames than the cap, or larger than the file.
Result<std::optional<std::uint64_t>> seek_table_size(std::span<const std::byte> footer,
                                                     std::uint64_t file_size,
                                                     const std::string& name);

// The table of those bytes. Errc::invalid when anything in it lies: its own size, frames that
// do not end where it begins, sums that do not fit.
Result<SeekTable> parse_seek_table(std::span<const std::byte> bytes, std::uint64_t file_size,
                                   const std::string& name);

// The skippable frame for frames in this order.
std::vector<std::byte> print_seek_table(std::span<const Frame> frames);

}  // namespace holdfast::imaging
