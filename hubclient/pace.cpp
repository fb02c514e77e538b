// SPDX-License-Identifier: Apache-2.0
#include "hubclient/pace.hpp"

#include <algorithm>

namespace holdfast {
namespace {

constexpr Duration shortest{100};
constexpr std::int64_t first_ms = 1000;

Duration between(Duration low, Duration high, std::uint64_t random) {
  const auto range = static_cast<std::uint64_t>((high - low).count()) + 1;
  return low + Duration{static_cast<std::int64_t>(random % range)};
}

}  // namespace

Duration backoff(std::uint32_t failures, Duration at_most, std::uint64_t random) {
  const std::uint32_t doublings = std::min(failures == 0 ? 0 : failures - 1, 20U);
  const Duration limit = std::min(Duration{first_ms << doublings}, at_most);
  return between(shortest, std::max(limit, shortest), random);
}

Duration around(Duration period, std::uint64_t random) {
  return between(period - period / 10, period + period / 10, random);
}

Duration Pacer::take(Duration now) {
  const auto earned = (now - refilled_) / each_;
  if (earned > 0) {
    left_ = static_cast<std::uint32_t>(std::min<std::int64_t>(burst_, left_ + earned));
    refilled_ = left_ == burst_ ? now : refilled_ + earned * each_;
  }
  if (left_ > 0) {
    --left_;
    return Duration{0};
  }
  refilled_ += each_;  // the turn that is waited for is spent now
  return refilled_ - now;
}

}  // namespace holdfast
