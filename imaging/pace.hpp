// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

namespace holdfast::imaging {

// Keeps a job to so many bytes a second. What was spent is waited for afterwards, so a single
// request may be larger than a second's worth. Idle time is not saved up. One thread.
class Pace {
 public:
  explicit Pace(std::uint64_t bytes_per_second) : rate_{bytes_per_second} {}

  bool allows() const { return rate_ == 0 || Clock::now() >= next_; }
  void spend(std::uint64_t bytes) {
    if (rate_ == 0) return;
    const auto cost = static_cast<double>(bytes) / static_cast<double>(rate_);
    next_ = std::max(next_, Clock::now()) +
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{cost});
  }
  // How long until it allows something; a day when it already does.
  std::chrono::milliseconds wait() const {
    const auto now = Clock::now();
    if (rate_ == 0 || now >= next_) return std::chrono::hours{24};
    return std::chrono::ceil<std::chrono::milliseconds>(next_ - now);
  }

  // Sleeps until it allows something; false when asked to stop before that.
  bool await(const std::stop_token& stop) const {
    while (!allows()) {
      if (stop.stop_requested()) return false;
      std::this_thread::sleep_for(std::min(wait(), std::chrono::milliseconds{50}));
    }
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t rate_;
  Clock::time_point next_{};
};

}  // namespace holdfast::imaging
