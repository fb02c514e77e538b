// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/sha256.hpp"

// The SHA-256 tree over a disk's content; docs/design/imaging.md defines it byte by byte.
namespace holdfast::imaging {

inline constexpr std::uint64_t min_frame_size = 64 * 1024;         // bytes
inline constexpr std::uint64_t max_frame_size = 16 * 1024 * 1024;  // bytes
inline constexpr std::uint64_t max_tree_frames = 100'000;          // that are not zeros

// The hash of each frame that is not all zeros, by its index. Memory and time are those of
// the data: a frame of zeros has no entry, however many there are.
struct FrameTree {
  std::uint64_t frame_size = 0;  // bytes; a power of two; the last frame may be shorter
  std::map<std::uint64_t, Sha256> frames{};
  Sha256 root{};  // over all of the above and the disk's size
};

bool is_zero(std::span<const std::byte> bytes);

// How many frames a disk of `virtual_size` bytes has.
constexpr std::uint64_t frame_count(std::uint64_t virtual_size, std::uint64_t frame_size) {
  return virtual_size / frame_size + (virtual_size % frame_size != 0 ? 1 : 0);
}

Sha256 sha256_of(std::span<const std::byte> bytes);

// The root that belongs to these frames.
Sha256 root_of(const FrameTree& tree, std::uint64_t virtual_size);

// Errc::invalid unless the frame size is allowed, every frame lies on the disk, and the root
// is the frames' own. `name` is for messages.
Result<void> check_tree(const FrameTree& tree, std::uint64_t virtual_size, const std::string& name);

// As image.json has it: one text for each frame in order, 64 hex digits, with "zeros:N" for N
// frames of zeros in a row.
struct TreeText {
  std::uint64_t frame_size = 0;
  std::string root{};
  std::vector<std::string> frames{};
};

// A checked tree. Errc::invalid as check_tree(), and for text in any other form.
Result<FrameTree> parse_tree(const TreeText& text, std::uint64_t virtual_size,
                             const std::string& name);
TreeText to_text(const FrameTree& tree, std::uint64_t virtual_size);

}  // namespace holdfast::imaging
