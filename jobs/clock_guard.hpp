// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "journal/journal.hpp"
#include "signing/refusal.hpp"

namespace holdfast {
class Writes;
}

namespace holdfast::jobs {

// Whether somebody keeps this machine's clock right. Thread-safe.
class KernelClock {
 public:
  virtual ~KernelClock() = default;
  virtual bool is_synchronised() const = 0;
};

// What the kernel says (adjtimex(2)): an NTP client that works tells it.
class SystemKernelClock final : public KernelClock {
 public:
  bool is_synchronised() const override;
};

// For hosts whose owner vouches for the clock (agent.yaml: requireSynchronizedClock: false).
class TrustedKernelClock final : public KernelClock {
 public:
  bool is_synchronised() const override { return true; }
};

// How far the clock may be behind the highest time seen: what an NTP client steps back.
inline constexpr Duration clock_slack = std::chrono::minutes{1};

enum class ClockFault {
  none,
  set_back,        // below the highest time seen, or standing still
  unsynchronised,  // nobody keeps it right
};

// Says whether the clock can be trusted to tell an expired job from a good one. Whoever can set
// it back could otherwise have a job done that is long over. The highest time ever seen is kept
// in the journal, and time that passed while this runs is counted by the monotonic clock.
// Only a clock that was synchronised raises it: one that starts in the wrong year must not lock
// jobs out for years. Thread-safe.
class ClockGuard {
 public:
  ClockGuard(const Journal& journal, const Clock& clock, const KernelClock& kernel)
      : journal_{journal}, clock_{clock}, kernel_{kernel} {}

  // The objection to using `now`, or none; remembers `now` until the next restart.
  Result<signing::Objection> object_to(Time now);
  // The same without the words, and remembers nothing: for telling people before there is a job.
  Result<ClockFault> look_at(Time now);
  // Remembers `now` for good, in the caller's commit. Call it only without an objection.
  static Result<void> remember(Writes& writes, Time now);

 private:
  Result<Time> highest();
  ClockFault judge(Time now, Time floor) const;

  const Journal& journal_;
  const Clock& clock_;
  const KernelClock& kernel_;
  std::mutex mutex_{};
  std::optional<Time> seen_{};  // the highest, as of `seen_when_`
  Duration seen_when_{};        // on the clock's elapsed()
};

}  // namespace holdfast::jobs
