// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include "base/clock.hpp"

namespace holdfast::hub {

// The machine's clocks, with elapsed() from CLOCK_BOOTTIME: it goes on while the machine is
// suspended, so that a hub that slept knows it. Thread-safe.
class UptimeClock final : public Clock {
 public:
  Time now() const override { return system_.now(); }
  Duration elapsed() const override {
    timespec at{};
    ::clock_gettime(CLOCK_BOOTTIME, &at);
    return std::chrono::duration_cast<Duration>(std::chrono::seconds{at.tv_sec} +
                                                std::chrono::nanoseconds{at.tv_nsec});
  }

 private:
  SystemClock system_{};
};

}  // namespace holdfast::hub
