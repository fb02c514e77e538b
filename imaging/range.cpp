// SPDX-License-Identifier: Apache-2.0
#include "imaging/range.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "imaging/content.hpp"
#include "imaging/content_job.hpp"
#include "imaging/disk_target.hpp"
#include "imaging/opened_image.hpp"
#include "imaging/unpack_qcow2.hpp"

namespace holdfast::imaging {
namespace {

// Hands the part of each piece that lies in the range to the sink, and zeros for what lies
// between the pieces.
class RangeJob final : public ContentJob {
 public:
  RangeJob(const Promise& promise, Layout* layout, const Range& range, const Sink& sink)
      : ContentJob{promise, layout},
        start_{range.offset},
        next_{range.offset},
        end_{range.offset + range.size},
        sink_{sink} {}

  Result<std::optional<Piece>> next() override {
    for (;;) {
      const auto piece = TRY(ContentJob::next());
      if (!piece || piece->disk_offset >= end_) return std::optional<Piece>{};
      if (piece->disk_offset + piece->disk_size > start_) return piece;
    }
  }
  Result<void> work(Slot& slot, unsigned worker) override {
    // Of a stream everything comes by; only what is asked for is worth a look.
    const auto& piece = slot.piece;
    if (piece.disk_offset >= end_ || piece.disk_offset + piece.disk_size <= start_) return ok();
    return ContentJob::work(slot, worker);
  }
  bool is_ordered() const override { return true; }

  Result<void> absorb(Slot& slot) override {
    const auto start = slot.piece.disk_offset;
    TRY(absorb_zeros(std::min(start, end_)));
    const auto content = slot.content();
    const auto from = std::clamp<std::uint64_t>(next_, start, start + content.size());
    const auto to = std::clamp<std::uint64_t>(end_, start, start + content.size());
    if (from >= to) return ok();
    TRY(sink_(content.subspan(from - start, to - from)));
    next_ = to;
    return ok();
  }
  Result<void> absorb_end() override { return absorb_zeros(end_); }
  std::uint64_t absorbed() const override { return UINT64_MAX; }

 private:
  Result<void> absorb_zeros(std::uint64_t until) {
    static constexpr std::array<std::byte, block_size> zeros{};
    while (next_ < until) {
      if (is_stopped) return Error{Errc::unavailable, "interrupted"};
      const auto size = std::min<std::uint64_t>(zeros.size(), until - next_);
      TRY(sink_(std::span{zeros}.first(size)));
      next_ += size;
    }
    return ok();
  }

  std::uint64_t start_;
  std::uint64_t next_;  // of the sink's thread
  std::uint64_t end_;
  const Sink& sink_;
};

}  // namespace

Result<void> read_range(const Source& source, const Range& range, const Sink& sink,
                        const Options& options) {
  const auto image = TRY(OpenedImage::open(source));
  if (range.offset > source.virtual_size)
    return Error{Errc::invalid, source.path + ": offset " + std::to_string(range.offset) +
                                    " lies behind the disk of " +
                                    std::to_string(source.virtual_size) + " bytes"};
  const Range inside{range.offset, std::min(range.size, source.virtual_size - range.offset)};
  Promise promise = promise_of(source);
  promise.sha256.clear();
  auto reading =
      reading_of(image, {.tree = promise.tree, .present = {}, .skips_zeros = true}, options);
  auto route = route_of(image, reading, nullptr);
  UniqueFd unpacked;
  if (source.format == Format::qcow2) {
    unpacked = TRY(unnamed_file());
    Options quiet = options;
    quiet.on_progress = {};
    TRY(unpack_qcow2(image, unpacked.get(), quiet));
    route.source = unpacked.get();
    route.files = {unpacked.get()};
    reading.layout = raw_layout(DataMap{unpacked.get(), source.path, source.virtual_size},
                                source.virtual_size, reading.piece_size, {.tree = promise.tree});
  }
  RangeJob job{promise, reading.layout.get(), inside, sink};
  TRY(run(job, route, options));
  return image.check_unchanged();
}

}  // namespace holdfast::imaging
