// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// The way to a hub, for one thread. Whatever comes back was only parsed: nothing in it is to
// be trusted. Errors:
//   unavailable  the hub is away, too slow, or `stop` was requested
//   denied       it is another hub than the one we enrolled with, or it does not know our key
//   conflict     it has seen this sequence before (heartbeats)
//   invalid      it answered something that is no answer
class HubChannel {
 public:
  virtual ~HubChannel() = default;
  // Parked at the hub for up to `wait` when there is nothing new.
  virtual Result<SyncResponse> sync(const SyncRequest& request, Duration wait,
                                    const std::stop_token& stop) = 0;
  virtual Result<HeartbeatResponse> beat(const Heartbeat& heartbeat,
                                         const std::stop_token& stop) = 0;
};

}  // namespace holdfast
