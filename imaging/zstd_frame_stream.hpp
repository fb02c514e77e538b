// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/handle.hpp"
#include "base/result.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// One frame of a zstd file, decompressed as it is read. One thread.
class ZstdFrameStream {
 public:
  // `file` outlives it; the frame begins at `offset`.
  ZstdFrameStream(int file, std::string path, std::uint64_t offset);

  // As many bytes as `into` holds; fewer only at the frame's end. Errc::invalid, with the offset
  // in the file, for a frame that is damaged or cut off.
  Result<std::size_t> read(std::span<std::byte> into);
  // Once the frame has ended: where, in the file.
  std::uint64_t end() const { return offset_ - in_.size + in_.pos; }

 private:
  Result<void> refill();
  Result<void> decompress(ZSTD_outBuffer& out);

  int file_;
  std::string path_;
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> context_;
  std::vector<std::byte> input_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::uint64_t offset_;    // of what is read from the file next
  bool may_flush_ = false;  // zstd may hold content that needs no more input
  bool is_at_end_ = false;
};

}  // namespace holdfast::imaging
