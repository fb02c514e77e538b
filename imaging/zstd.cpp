// SPDX-License-Identifier: Apache-2.0
#include "imaging/zstd.hpp"

#include <zstd.h>

#include <array>
#include <utility>
#include <vector>

#include "base/handle.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

using DecompressorHandle = Handle<ZSTD_DCtx, ZSTD_freeDCtx>;
constexpr int max_window_log = 27;

std::uint32_t magic_of(std::span<const std::byte> head) {
  std::uint32_t magic = 0;
  for (std::size_t i = 0; i < 4 && i < head.size(); ++i)
    magic |= std::to_integer<std::uint32_t>(head[i]) << (8 * i);
  return head.size() < 4 ? 0 : magic;
}

bool is_skippable(std::uint32_t magic) {
  return (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

class ZstdStream final : public ByteStream {
 public:
  ZstdStream(int file, std::string path) : file_{file}, path_{std::move(path)} {
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_window_log);
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (!context_) return Error{Errc::exhausted, "read " + path_ + ": no memory for zstd"};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos < out.size) {
      // A full buffer may have left some behind that needs no more input.
      if (in_.pos == in_.size && !may_flush_ && !TRY(refill())) break;
      TRY(decompress(out));
      may_flush_ = out.pos == out.size && pending_ != 0;
    }
    return out.pos;
  }

 private:
  // False at the end of the file, which must be the end of a frame.
  Result<bool> refill() {
    const auto n = TRY(read_at(file_, offset_, input_, path_));
    offset_ += n;
    in_ = {input_.data(), n, 0};
    if (n > 0 || pending_ == 0) return n > 0;
    return Error{Errc::invalid, path_ + ": damaged: ends in the middle of a zstd frame (offset " +
                                    std::to_string(offset_) + ")"};
  }

  Result<void> decompress(ZSTD_outBuffer& out) {
    pending_ = ZSTD_decompressStream(context_.get(), &out, &in_);
    if (ZSTD_isError(pending_) == 0) return ok();
    return Error{Errc::invalid, path_ + ": damaged near offset " +
                                    std::to_string(offset_ - in_.size + in_.pos) +
                                    ": zstd: " + ZSTD_getErrorName(pending_)};
  }

  int file_;
  std::string path_;
  DecompressorHandle context_{ZSTD_createDCtx()};
  std::vector<std::byte> input_ = std::vector<std::byte>(ZSTD_DStreamInSize());
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::size_t pending_ = 1;  // bytes zstd still wants: 0 exactly between two frames
  bool may_flush_ = false;
  std::uint64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> read_zstd(int file, std::string path) {
  return std::make_unique<ZstdStream>(file, std::move(path));
}

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
