// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.hpp"

namespace holdfast {

// Time that moves only when a test says so.
class ManualTime final : public Clock {
 public:
  Time now() const override { return start_ + elapsed_; }
  Duration elapsed() const override { return elapsed_; }
  void advance(Duration by) { elapsed_ += by; }

 private:
  Time start_{std::chrono::seconds{1'790'000'000}};
  Duration elapsed_{};
};

// The same numbers every run.
class CountingRandom final : public Random {
 public:
  std::uint64_t next() override { return ++state_ * 0x9E3779B97F4A7C15ULL; }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace holdfast
