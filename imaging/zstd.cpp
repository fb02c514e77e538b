// SPDX-License-Identifier: Apache-2.0
#include "imaging/zstd.hpp"

#include <zstd.h>

namespace holdfast::imaging {
namespace {

std::uint32_t magic_of(std::span<const std::byte> head) {
  std::uint32_t magic = 0;
  for (std::size_t i = 0; i < 4 && i < head.size(); ++i)
    magic |= std::to_integer<std::uint32_t>(head[i]) << (8 * i);
  return head.size() < 4 ? 0 : magic;
}

bool is_skippable(std::uint32_t magic) {
  return (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

}  // namespace

bool is_zstd(std::span<const std::byte> head) {
  const auto magic = magic_of(head);
  return magic == ZSTD_MAGICNUMBER || is_skippable(magic);
}

Result<std::optional<std::uint64_t>> zstd_content_size(std::span<const std::byte> head,
                                                       const std::string& path) {
  if (is_skippable(magic_of(head))) return std::optional<std::uint64_t>{};
  const auto size = ZSTD_getFrameContentSize(head.data(), head.size());
  if (size == ZSTD_CONTENTSIZE_ERROR)
    return Error{Errc::invalid, path + ": damaged zstd frame header"};
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return std::optional<std::uint64_t>{};
  return std::optional<std::uint64_t>{size};
}

}  // namespace holdfast::imaging
