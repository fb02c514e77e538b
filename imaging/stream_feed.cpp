// SPDX-License-Identifier: Apache-2.0
#include "imaging/stream_feed.hpp"

#include <algorithm>
#include <string>

namespace holdfast::imaging {
namespace {

Error size_differs(const Route& route, const std::string& found) {
  return {Errc::invalid, route.source_path + ": expected " + std::to_string(route.disk_size) +
                             " bytes, found " + found};
}

}  // namespace

Result<void> StreamFeed::fill(Slot& slot) {
  slot.number = pieces_++;
  if (is_over_) {
    slot.is_last = true;
    return ok();
  }
  const auto wanted = std::min<std::uint64_t>(route_.disk_size - offset_, route_.piece_size);
  const auto got = TRY(route_.stream->read(slot.raw.first(wanted)));
  slot.piece = Piece{offset_, static_cast<std::uint32_t>(got), 0, 0, false};
  slot.is_last = got == 0;
  offset_ += got;
  is_over_ = got < route_.piece_size;
  if (got < wanted) return size_differs(route_, std::to_string(offset_));
  return offset_ == route_.disk_size ? check_end() : ok();
}

Result<void> StreamFeed::check_end() {
  is_over_ = true;
  std::byte more{};
  if (TRY(route_.stream->read({&more, 1})) != 0) return size_differs(route_, "more");
  return ok();
}

}  // namespace holdfast::imaging
