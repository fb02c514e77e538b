// SPDX-License-Identifier: Apache-2.0
#include "imaging/zstd_frame_stream.hpp"

#include <bit>
#include <utility>

#include "imaging/posix.hpp"
#include "imaging/zstd.hpp"

namespace holdfast::imaging {

ZstdFrameStream::ZstdFrameStream(int file, std::string path, std::uint64_t offset)
    : file_{file},
      path_{std::move(path)},
      context_{ZSTD_createDCtx()},
      input_(ZSTD_DStreamInSize()),
      offset_{offset} {
  if (context_)
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, std::countr_zero(max_zstd_window));
}

Result<std::size_t> ZstdFrameStream::read(std::span<std::byte> into) {
  if (!context_) return Error{Errc::exhausted, "read " + path_ + ": no memory for zstd"};
  ZSTD_outBuffer out{into.data(), into.size(), 0};
  while (out.pos < out.size && !is_at_end_) {
    if (in_.pos == in_.size && !may_flush_) TRY(refill());
    TRY(decompress(out));
  }
  return out.pos;
}

Result<void> ZstdFrameStream::refill() {
  const auto n = TRY(read_at(file_, offset_, input_, path_));
  offset_ += n;
  in_ = {input_.data(), n, 0};
  if (n > 0) return ok();
  return Error{Errc::invalid, path_ + ": damaged: ends in the middle of a zstd frame (offset " +
                                  std::to_string(offset_) + ")"};
}

Result<void> ZstdFrameStream::decompress(ZSTD_outBuffer& out) {
  const auto wanted = ZSTD_decompressStream(context_.get(), &out, &in_);
  if (ZSTD_isError(wanted) != 0)
    return Error{Errc::invalid, path_ + ": damaged near offset " + std::to_string(end()) +
                                    ": zstd: " + ZSTD_getErrorName(wanted)};
  is_at_end_ = wanted == 0;
  may_flush_ = out.pos == out.size;
  return ok();
}

}  // namespace holdfast::imaging
