// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/result.hpp"

// Where a zstd frame ends and how much it may hold, found from the headers of its blocks
// (RFC 8878, section 3.1) without decompressing it.
namespace holdfast::imaging {

struct ZstdFrame {
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0;     // bytes
  std::uint64_t content_size = 0;  // bytes, at most; exactly where the frame says so
  bool is_skippable = false;       // holds nothing
};

// As many bytes from an offset on as there are; fewer only at the end of the file.
using BytesAt = std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> into)>;

// The frame that begins at `offset`. Nothing unless it is there whole, and it and its content
// take `limit` bytes at most together. Whether its blocks hold what they should is left open.
// Errors are those of `bytes_at`.
Result<std::optional<ZstdFrame>> measure_zstd_frame(const BytesAt& bytes_at, std::uint64_t offset,
                                                    std::uint64_t file_size, std::uint64_t limit);

}  // namespace holdfast::imaging
