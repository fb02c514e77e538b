// SPDX-License-Identifier: Apache-2.0
#include "imaging/frame_tree.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace holdfast::imaging {
namespace {

// Keeps a root from ever being the hash of anything else.
constexpr std::string_view domain = "holdfast frame tree 1\n";
constexpr std::string_view zeros_prefix = "zeros:";

void add_number(Sha256Hasher& hasher, std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
  hasher.add(bytes);
}

std::optional<Sha256> sha256_from_hex(std::string_view text) {
  if (text.size() != 64) return {};
  Sha256 hash{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return {};
    hash[i / 2] = static_cast<std::uint8_t>(hash[i / 2] << 4 | digit);
  }
  return hash;
}

// N of "zeros:N"; nothing for any other text.
std::optional<std::uint64_t> zeros_in(std::string_view text) {
  if (!text.starts_with(zeros_prefix)) return {};
  text.remove_prefix(zeros_prefix.size());
  std::uint64_t count = 0;
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  if (read.ec != std::errc{} || read.ptr != end || count == 0) return {};
  return count;
}

Error refusal(const std::string& name, const std::string& why) {
  return {Errc::invalid, name + ": damaged frame tree: " + why};
}

Result<void> check_frame_size(std::uint64_t frame_size, const std::string& name) {
  if (std::has_single_bit(frame_size) && frame_size >= min_frame_size &&
      frame_size <= max_frame_size)
    return ok();
  return refusal(name, "frames of " + std::to_string(frame_size) +
                           " bytes; expected a power of two from 64 KiB to 16 MiB");
}

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Sha256 sha256_of(std::span<const std::byte> bytes) {
  Sha256Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

Sha256 root_of(const FrameTree& tree, std::uint64_t virtual_size) {
  Sha256Hasher hasher;
  hasher.add(std::as_bytes(std::span{domain}));
  add_number(hasher, virtual_size);
  add_number(hasher, tree.frame_size);
  for (const auto& [index, hash] : tree.frames) {
    add_number(hasher, index);
    hasher.add(std::as_bytes(std::span{hash}));
  }
  return hasher.finish();
}

Result<void> check_tree(const FrameTree& tree, std::uint64_t virtual_size,
                        const std::string& name) {
  TRY(check_frame_size(tree.frame_size, name));
  const auto count = frame_count(virtual_size, tree.frame_size);
  if (!tree.frames.empty() && tree.frames.rbegin()->first >= count)
    return refusal(name, "frame " + std::to_string(tree.frames.rbegin()->first) + " of " +
                             std::to_string(count));
  if (const auto found = root_of(tree, virtual_size); found != tree.root)
    return refusal(name,
                   "expected root " + to_hex(tree.root) + ", the frames give " + to_hex(found));
  return ok();
}

Result<FrameTree> parse_tree(const TreeText& text, std::uint64_t virtual_size,
                             const std::string& name) {
  FrameTree tree;
  tree.frame_size = text.frame_size;
  TRY(check_frame_size(tree.frame_size, name));
  const auto root = sha256_from_hex(text.root);
  if (!root) return refusal(name, "the root is no SHA-256: \"" + text.root + "\"");
  tree.root = *root;
  const auto count = frame_count(virtual_size, tree.frame_size);
  std::uint64_t next = 0;
  for (const auto& entry : text.frames) {
    const auto left = count - next;
    const auto zeros = zeros_in(entry);
    const auto hash = sha256_from_hex(entry);
    if (!zeros && !hash) return refusal(name, "\"" + entry + "\" is no SHA-256 and no zeros:N");
    if (zeros.value_or(1) > left)
      return refusal(name, "more frames than the " + std::to_string(count) + " of the disk");
    if (hash) tree.frames.emplace_hint(tree.frames.end(), next, *hash);
    if (tree.frames.size() > max_tree_frames)
      return refusal(name, "more than " + std::to_string(max_tree_frames) + " frames of data");
    next += zeros.value_or(1);
  }
  if (next != count)
    return refusal(name, std::to_string(next) + " frames; the disk has " + std::to_string(count));
  TRY(check_tree(tree, virtual_size, name));
  return tree;
}

TreeText to_text(const FrameTree& tree, std::uint64_t virtual_size) {
  TreeText text{tree.frame_size, to_hex(tree.root), {}};
  std::uint64_t next = 0;
  const auto pass_zeros = [&](std::uint64_t until) {
    if (until > next)
      text.frames.push_back(std::string{zeros_prefix} + std::to_string(until - next));
  };
  for (const auto& [index, hash] : tree.frames) {
    pass_zeros(index);
    text.frames.push_back(to_hex(hash));
    next = index + 1;
  }
  pass_zeros(frame_count(virtual_size, tree.frame_size));
  return text;
}

}  // namespace holdfast::imaging
