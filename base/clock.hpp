// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast {

using Duration = std::chrono::milliseconds;

// Wall time, UTC, to the millisecond: what is journaled and shown to people.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Where the program learns what time it is. Code that decides takes a Time;
// code that acts takes a Clock, so that a test can own time.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time. May jump; never used to measure how long something took.
  virtual Time now() const = 0;
  // Monotonic time since an arbitrary start: for deadlines and backoff.
  virtual Duration elapsed() const = 0;
};

// The machine's own clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  Time now() const override;
  Duration elapsed() const override;
};

// Randomness that a simulation can replay: jitter, ids, seeds. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

// From the kernel (getrandom(2)); fit for ids that must not be guessed.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// RFC 3339 in UTC with milliseconds, "2026-11-22T19:36:00.000Z": sorts as text.
std::string to_string(Time time);
// Accepts RFC 3339 UTC ("Z") with 0 to 9 fractional digits. Errc::invalid otherwise.
Result<Time> parse_time(std::string_view text);

// How long, for people: "350ms", "12s", "3m20s", "2h5m", "4d3h".
std::string to_short_string(Duration duration);

}  // namespace holdfast
