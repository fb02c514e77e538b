// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "imaging/pipeline.hpp"

namespace holdfast::imaging {

// The content of a zstd file of any number of frames (RFC 8878). Memory is the
// window that the frame asks for, at most 128 MiB as in zstd's own tools; what `zstd`
// writes up to level 19 asks for 8 MiB.
// `file` must outlive the stream.
std::unique_ptr<ByteStream> read_zstd(int file, std::string path);

// `head`: the file's first bytes, at least 18 where it has them.
bool is_zstd(std::span<const std::byte> head);
// As the first frame says, which is all there is in what `zstd` writes; most streams do not
// say. Errc::invalid for a damaged header.
Result<std::optional<std::uint64_t>> zstd_content_size(std::span<const std::byte> head,
                                                       const std::string& path);

}  // namespace holdfast::imaging
