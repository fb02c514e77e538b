// SPDX-License-Identifier: Apache-2.0
#include "hub/leases.hpp"

#include <algorithm>

namespace holdfast::hub {

std::string_view alert_of(Signal signal) {
  switch (signal) {
    case Signal::late: return "HostLate";
    case Signal::dead: return "HostDead";
    case Signal::stalled: return "HostStalled";
    case Signal::recovered: return "HostRecovered";
  }
  return "HostLate";
}

Judgement judge(const Lease& lease, Duration now, Duration watched, const LeaseLimits& limits) {
  const Standing& before = lease.standing;
  const Duration silent = now - std::max(lease.heard, watched);
  const bool was_heard = lease.heard >= watched;  // since the hub came back
  Judgement judgement{before, {}};
  auto& [standing, signals] = judgement;

  if (silent < limits.late) {
    // A hub that was away has not heard that a dead host lives.
    if (!was_heard) return judgement;
    const Duration pass_age_now = lease.pass_age + (now - lease.heard);
    standing = {Liveness::alive, lease.pass_age > limits.stalled ||
                                     pass_age_now > limits.stalled + limits.between_beats};
    const bool is_back = before.liveness != Liveness::alive;
    const bool moves_again = before.is_stalled && !standing.is_stalled;
    if (is_back || moves_again) signals.push_back(Signal::recovered);
    if (standing.is_stalled && !before.is_stalled) signals.push_back(Signal::stalled);
    return judgement;
  }
  if (silent >= limits.dead) {
    // Late is not said of a host that is dead already, also when nobody looked in between.
    if (before.liveness != Liveness::dead) signals.push_back(Signal::dead);
    standing.liveness = Liveness::dead;
    return judgement;
  }
  if (before.liveness == Liveness::alive) {
    signals.push_back(Signal::late);
    standing.liveness = Liveness::late;
  }
  return judgement;
}

bool was_away(Duration last_look, Duration now, const LeaseLimits& limits) {
  return now - last_look > std::min<Duration>(limits.late / 3, Duration{5'000});
}

}  // namespace holdfast::hub
