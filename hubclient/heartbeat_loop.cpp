// SPDX-License-Identifier: Apache-2.0
#include "hubclient/heartbeat_loop.hpp"

#include <utility>

#include "hubclient/pace.hpp"

namespace holdfast {

HeartbeatLoop::HeartbeatLoop(HeartbeatParts parts)
    : parts_{std::move(parts)}, session_{random_hex_id(parts_.random)} {}

void HeartbeatLoop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) bell_.wait(stop, once(stop));
}

Duration HeartbeatLoop::once(const std::stop_token& stop) {
  Heartbeat heartbeat = parts_.facts();
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
  return around(parts_.interval(), parts_.random.next());
}

}  // namespace holdfast
