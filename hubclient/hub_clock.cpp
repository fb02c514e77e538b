// SPDX-License-Identifier: Apache-2.0
#include "hubclient/hub_clock.hpp"

#include <chrono>

using namespace std::chrono_literals;

namespace holdfast {
namespace {

// A hub's clock may be set back by so much without anybody being told.
constexpr Duration small_step = 1min;
// Long enough that a hub on a busy machine, or a poll that was parked, does not look frozen.
constexpr Duration window = 5min;

}  // namespace

void HubClock::saw(Time server_time, Duration elapsed) {
  const Sight seen{server_time, elapsed};
  judge(seen);
  last_ = seen;
}

void HubClock::judge(const Sight& seen) {
  if (!anchor_) {
    anchor_ = seen;
    return;
  }
  if (seen.server + small_step < last_->server) {
    if (!before_step_) before_step_ = last_;
    problem_ =
        "its clock went back from " + to_string(last_->server) + " to " + to_string(seen.server);
    anchor_ = seen;
    return;
  }
  if (before_step_ && seen.server >= before_step_->server) {  // as if it had never been away
    before_step_.reset();
    problem_.reset();
    anchor_ = seen;
    return;
  }
  const Duration ours = seen.elapsed - anchor_->elapsed;
  if (ours < window) return;
  const Duration theirs = seen.server - anchor_->server;
  if (theirs < ours / 2) {
    problem_ = "its clock moved by " + to_short_string(theirs) + " in " + to_short_string(ours) +
               ": it may be repeating what it once said";
  } else {
    problem_.reset();
    before_step_.reset();
  }
  anchor_ = seen;
}

}  // namespace holdfast
