// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "imaging/pipeline.hpp"

namespace holdfast::imaging {

// What a frame may ask for to be read as a stream, as in zstd's own tools.
inline constexpr std::uint64_t max_zstd_window = 128 * 1024 * 1024;  // bytes

struct ZstdReading {
  unsigned threads = 1;  // that decompress whole frames ahead
  // Bytes for those frames. Half of it, compressed and content together, is what one may take;
  // a larger frame is decompressed as it is read. 0: every one is.
  std::uint64_t memory = 0;
  IoPriority priority = IoPriority::normal;
  std::stop_token stop{};  // heeded within a frame: Errc::unavailable, "interrupted"
};

// The content of a zstd file of any number of frames (RFC 8878). Frames that follow each other
// are decompressed at the same time; a large one by itself, in the window that it asks for: what
// `zstd` writes up to level 19 asks for 8 MiB. Bytes and errors do not depend on `reading`.
// `file` must outlive the stream.
std::unique_ptr<ByteStream> read_zstd(int file, std::string path, const ZstdReading& reading);

// `head`: the file's first bytes, at least 18 where it has them.
bool is_zstd(std::span<const std::byte> head);
// As the first frame says, which is all there is in what `zstd` writes; most streams do not
// say. Errc::invalid for a damaged header.
Result<std::optional<std::uint64_t>> zstd_content_size(std::span<const std::byte> head,
                                                       const std::string& path);

}  // namespace holdfast::imaging
