// SPDX-License-Identifier: Apache-2.0
#include "hubclient/heartbeat_loop.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "hubclient/pace.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

constexpr Duration shortest_absence = 10s;

}  // namespace

HeartbeatLoop::HeartbeatLoop(HeartbeatParts parts)
    : parts_{std::move(parts)}, session_{random_hex_id(parts_.random)} {}

void HeartbeatLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) bell_.wait(stop, once(stop));
}

// While the process was stopped (SIGSTOP, a suspended machine) no pass could finish: what it
// says of its passes begins anew, or the hub would call it stalled for having been away.
void HeartbeatLoop::forget_absence(Heartbeat& heartbeat) {
  const Duration now = parts_.clock.elapsed();
  if (expected_ && now - *expected_ > shortest_absence) resumed_ = now;
  if (resumed_) heartbeat.pass_age = std::min(heartbeat.pass_age, now - *resumed_);
}

Duration HeartbeatLoop::once(const std::stop_token& stop) {
  Heartbeat heartbeat = parts_.facts();
  forget_absence(heartbeat);
  heartbeat.session = session_;
  heartbeat.sequence = ++sequence_;
  const auto answer = parts_.channel.beat(heartbeat, stop);
  if (answer) {
    parts_.board.beaten(answer->server_time);
  } else if (!stop.stop_requested()) {
    parts_.board.beat_failed(answer.error());
    parts_.log.debug("no heartbeat", {{"error", answer.error().describe()}});
    if (answer.error().code() == Errc::conflict) {  // the hub knows a later one of this session
      session_ = random_hex_id(parts_.random);
      sequence_ = 0;
    }
  }
  const Duration pause = around(parts_.interval(), parts_.random.next());
  expected_ = parts_.clock.elapsed() + pause;
  return pause;
}

}  // namespace holdfast
