// SPDX-License-Identifier: Apache-2.0
#include "controller/retry.hpp"

#include <algorithm>
#include <chrono>

namespace holdfast {
namespace {

// `base` times (1 - percent/100) to (1 + percent/100), evenly by `random`.
Duration spread(Duration base, std::int64_t percent, std::uint64_t random) {
  constexpr std::int64_t steps = 2001;
  const auto at = static_cast<std::int64_t>(random % steps) - (steps - 1) / 2;  // -1000 to 1000
  return base + base * (at * percent) / ((steps - 1) / 2 * 100);
}

}  // namespace

Retry retry_for(Errc code) {
  switch (code) {
    case Errc::conflict:
    case Errc::not_found: return Retry::soon;  // the world moved: look again, backing off
    case Errc::unavailable:
    case Errc::exhausted: return Retry::patiently;  // a peer is away, or the disk is full
    case Errc::invalid:
    case Errc::denied: return Retry::when_changed;  // same input, same answer
    case Errc::corrupt:
    case Errc::internal: return Retry::never;  // a person must look
  }
  return Retry::never;
}

Duration backoff(Retry retry, int failures, std::uint64_t random) {
  constexpr Duration cap = std::chrono::seconds{300};
  Duration delay = retry == Retry::patiently ? std::chrono::seconds{5} : std::chrono::seconds{1};
  for (int i = 1; i < failures && delay < cap; ++i) delay *= 2;
  return spread(std::min(delay, cap), 20, random);
}

Duration with_jitter(Duration period, std::uint64_t random) { return spread(period, 10, random); }

}  // namespace holdfast
