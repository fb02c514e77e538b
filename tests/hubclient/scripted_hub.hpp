// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "hubclient/hub_channel.hpp"
#include "tests/controller/manual_time.hpp"

namespace holdfast {

// A hub that answers as the test says, one script after the other; away when there is none.
class ScriptedHub final : public HubChannel {
 public:
  using SyncScript = std::function<Result<SyncResponse>(const SyncRequest&)>;
  using BeatScript = std::function<Result<HeartbeatResponse>(const Heartbeat&)>;

  Result<SyncResponse> sync(const SyncRequest& request, Duration wait,
                            const std::stop_token&) override {
    requests.push_back(request);
    waits.push_back(wait);
    if (syncs.empty()) return Error{Errc::unavailable, "hub: away"};
    const auto script = syncs.front();
    syncs.pop_front();
    return script(request);
  }
  Result<HeartbeatResponse> beat(const Heartbeat& heartbeat, const std::stop_token&) override {
    beats.push_back(heartbeat);
    if (beat_scripts.empty()) return Error{Errc::unavailable, "hub: away"};
    const auto script = beat_scripts.front();
    beat_scripts.pop_front();
    return script(heartbeat);
  }

  void answer(SyncResponse response) {
    syncs.emplace_back([response](const SyncRequest&) { return response; });
  }

  std::deque<SyncScript> syncs{};
  std::deque<BeatScript> beat_scripts{};
  std::vector<SyncRequest> requests{};
  std::vector<Duration> waits{};
  std::vector<Heartbeat> beats{};
};

}  // namespace holdfast
