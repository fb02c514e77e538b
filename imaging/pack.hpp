// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "imaging/frame_tree.hpp"
#include "imaging/image.hpp"

namespace holdfast::imaging {

struct PackSettings {
  int level = 6;                               // of zstd, 1 to 19
  std::uint64_t frame_size = 4 * 1024 * 1024;  // bytes; grows for a disk of too many frames
  bool finds_long_matches = false;             // zstd's --long, within a frame
};

// What there is to say of a packed disk in image.json.
struct Packed {
  std::uint64_t virtual_size = 0;  // bytes
  std::uint64_t data_bytes = 0;    // in frames that are not zeros
  std::uint64_t file_size = 0;     // bytes
  std::string file_sha256{};       // 64 hex digits
  FrameTree tree{};
};

// Packs a disk (a raw file, a block device, or a qcow2 image) into the new file `target` in the
// form of docs/design/imaging.md. Durable when it returns; built as `target` + ".partial".
// Besides the buffers, zstd takes memory for each thread by level: 10 MiB at 6, 90 MiB at 19.
//   conflict     `target` exists, or the disk was written to meanwhile
//   not_found, invalid, exhausted, unavailable as restore()
Result<Packed> pack(const std::string& source, const std::string& target,
                    const PackSettings& settings, const Options& options);

}  // namespace holdfast::imaging
