// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.hpp"
#include "imaging/image.hpp"

namespace holdfast::imaging {

struct Range {
  std::uint64_t offset = 0;  // bytes, of the disk
  std::uint64_t size = 0;    // bytes; cut off at the disk's end
};

// Takes the bytes in order, on a thread of its own. An error ends the reading with it.
using Sink = std::function<Result<void>(std::span<const std::byte> bytes)>;

// One range of an image's content. With a seek table or a raw file only the frames of the range
// are read; with a tree they are checked before the sink sees them. (A whole hash says nothing
// about a range and is left alone.) Errc::invalid when the range begins behind the disk's end;
// other errors as restore().
Result<void> read_range(const Source& source, const Range& range, const Sink& sink,
                        const Options& options);

}  // namespace holdfast::imaging
