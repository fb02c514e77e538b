// SPDX-License-Identifier: Apache-2.0
#include "jobs/clock_guard.hpp"

#include <sys/timex.h>

#include "jobs/codes.hpp"
#include "journal/writes.hpp"

namespace holdfast::jobs {
namespace {

// A fact of the journal: add, never rename.
constexpr std::string_view highest_fact = "clock.highest";

}  // namespace

bool SystemKernelClock::is_synchronised() const {
  timex state{};
  const int status = ::adjtimex(&state);
  return status != -1 && status != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

// What the clock must show at least, were it never set back.
Result<Time> ClockGuard::highest() {
  const Duration now = clock_.elapsed();
  if (!seen_) {
    seen_ = Time{};
    seen_when_ = now;
    if (const auto text = TRY(journal_.fact(highest_fact))) seen_ = TRY(parse_time(*text));
    return *seen_;
  }
  if (*seen_ == Time{}) return *seen_;
  return *seen_ + (now - seen_when_);
}

ClockFault ClockGuard::judge(Time now, Time floor) const {
  if (now < floor - clock_slack) return ClockFault::set_back;
  return kernel_.is_synchronised() ? ClockFault::none : ClockFault::unsynchronised;
}

Result<signing::Objection> ClockGuard::object_to(Time now) {
  const std::lock_guard lock{mutex_};
  const Time floor = TRY(highest());
  switch (judge(now, floor)) {
    case ClockFault::set_back:
      return signing::Objection{signing::Refusal{
          code::clock_unsound, "this host's clock says " + to_string(now) + " and was past " +
                                   to_string(floor) +
                                   " before; set it right, since it decides which jobs are over"}};
    case ClockFault::unsynchronised:
      return signing::Objection{signing::Refusal{
          code::clock_unsound,
          "nothing keeps this host's clock right (`timedatectl` says what is missing); a job could "
          "be over without its showing. The host's owner can vouch for the clock with "
          "requireSynchronizedClock: false in agent.yaml"}};
    case ClockFault::none: break;
  }
  if (now > floor) {
    seen_ = now;
    seen_when_ = clock_.elapsed();
  }
  return signing::Objection{};
}

Result<ClockFault> ClockGuard::look_at(Time now) {
  const std::lock_guard lock{mutex_};
  return judge(now, TRY(highest()));
}

Result<void> ClockGuard::remember(Writes& writes, Time now) {
  return writes.set_fact(highest_fact, to_string(now));
}

}  // namespace holdfast::jobs
