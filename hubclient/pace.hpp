// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/clock.hpp"

// How often a peer is asked. Pure: time and randomness come in.
namespace holdfast {

// After `failures` in a row (1 or more): somewhere between 0.1 s and 1 s doubled each time, up
// to `at_most`. Full jitter, so that a thousand hosts do not come back to a hub at once.
Duration backoff(std::uint32_t failures, Duration at_most, std::uint64_t random);

// `period` give or take a tenth.
Duration around(Duration period, std::uint64_t random);

// Bounds how often something is done, with room for a burst: a peer that answers every poll at
// once must not make us spin. Not thread-safe.
class Pacer {
 public:
  Pacer(std::uint32_t burst, Duration each) : burst_{burst}, each_{each}, left_{burst} {}

  // Takes one turn at `now`; how long to wait before it.
  Duration take(Duration now);

 private:
  std::uint32_t burst_;
  Duration each_;
  std::uint32_t left_;
  Duration refilled_{};
};

}  // namespace holdfast
