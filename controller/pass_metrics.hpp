// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace holdfast {

// How long something took, as a Prometheus histogram counts it. Thread-safe; a reader may see
// one that is being added in part.
class DurationHistogram {
 public:
  static constexpr std::array<Duration, 6> bounds{Duration{5},      Duration{25},
                                                  Duration{100},    Duration{1'000},
                                                  Duration{10'000}, Duration{60'000}};

  void add(Duration took) {
    for (std::size_t i = 0; i < bounds.size(); ++i)
      if (took <= bounds[i]) ++at_most_[i];
    ++count_;
    sum_ms_ += static_cast<std::uint64_t>(took.count());
  }
  std::uint64_t at_most(std::size_t bound) const { return at_most_[bound]; }
  std::uint64_t count() const { return count_; }
  Duration sum() const { return Duration{static_cast<std::int64_t>(sum_ms_.load())}; }

 private:
  std::array<std::atomic<std::uint64_t>, bounds.size()> at_most_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_ms_{0};
};

// What the engine counts of its own work. Thread-safe.
struct PassMetrics {
  DurationHistogram host_passes{};
  std::atomic<std::uint64_t> host_failures{0};
  DurationHistogram guest_passes{};
  std::atomic<std::uint64_t> guest_failures{0};
};

}  // namespace holdfast
