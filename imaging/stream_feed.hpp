// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "imaging/pipeline.hpp"
#include "imaging/slot.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// Cuts a stream into the pieces of a route. One thread.
class StreamFeed {
 public:
  // The route outlives it.
  explicit StreamFeed(const Route& route) : route_{route} {}

  // The next piece, read into the slot, or that there is none (`is_last`). Errc::invalid when the
  // stream ends before the disk does, or goes on behind it.
  Result<void> fill(Slot& slot);

 private:
  Result<void> check_end();

  const Route& route_;
  std::uint64_t offset_ = 0;  // of the disk
  std::uint64_t pieces_ = 0;
  bool is_over_ = false;
};

}  // namespace holdfast::imaging
