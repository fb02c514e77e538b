// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "hubclient/bell.hpp"
#include "hubclient/hub_board.hpp"
#include "hubclient/hub_channel.hpp"

namespace holdfast {

// Proof of progress: session and sequence are the loop's own.
using BeatFacts = Heartbeat;

struct HeartbeatParts {
  HubChannel& channel;
  HubBoard& board;
  const Clock& clock;
  Random& random;
  std::function<BeatFacts()> facts{};    // must not block on what may be wedged
  std::function<Duration()> interval{};  // as the hub advised last
  Logger log{};
};

// Says at the hub, every so often, that this host is alive and gets things done. A thread of
// its own: neither a parked poll nor a wedged pass holds it up.
class HeartbeatLoop {
 public:
  explicit HeartbeatLoop(HeartbeatParts parts);

  void run(const std::stop_token& stop);
  // The interval is another one now: the next heartbeat goes at once. Thread-safe.
  void hurry() { bell_.ring(); }
  // One heartbeat; how long to wait before the next.
  Duration once(const std::stop_token& stop);

 private:
  void forget_absence(Heartbeat& heartbeat);

  HeartbeatParts parts_;
  Bell bell_{};
  std::string session_;
  std::uint64_t sequence_ = 0;
  std::optional<Duration> expected_{};  // when the next heartbeat was to be
  std::optional<Duration> resumed_{};   // when this process went on after it had been stopped
};

}  // namespace holdfast
