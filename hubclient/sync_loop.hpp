// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"
#include "hubclient/bell.hpp"
#include "hubclient/hub_board.hpp"
#include "hubclient/hub_channel.hpp"
#include "hubclient/hub_source.hpp"
#include "hubclient/job_sink.hpp"
#include "hubclient/pace.hpp"
#include "hubclient/sync_core.hpp"

namespace holdfast {

// What the sync loop works with; references outlive it.
struct SyncParts {
  HubChannel& channel;
  HubSource& source;
  JobSink& jobs;
  HubBoard& board;
  const Clock& clock;
  Random& random;
  std::function<std::optional<Held>()> held{};  // the state in force; thread-safe
  std::function<void()> on_desired{};           // something waits at the source
  std::function<void()> on_advice{};            // config() changed; may be empty
  Logger log{};
};

// Asks the hub, over and over: one parked request at a time. run() is the loop of one thread;
// once() is one turn of it, for tests.
class SyncLoop {
 public:
  explicit SyncLoop(SyncParts parts);

  void run(const std::stop_token& stop);
  // One exchange, and what to do about it. How long to wait before the next.
  Duration once(const std::stop_token& stop);

  // The newest status; cuts a parked request short when the hub does not know it. Thread-safe.
  void post(std::shared_ptr<const Snapshot> snapshot);
  // A final result waits: the next request goes at once. Thread-safe.
  void hurry();
  // The host pass looked at what was offered. Thread-safe.
  void decided() { bell_.ring(); }
  HubConfig config() const { return *config_.lock(); }

 private:
  struct Shared {
    std::shared_ptr<const Snapshot> snapshot{};
    std::string known_digest{};  // of the snapshot that is at the hub, or on its way
    std::optional<std::stop_source> parked{};
    bool is_cut = false;
  };
  void take(SyncResponse& response, const std::stop_token& stop);
  void offer(std::string desired, const std::stop_token& stop);
  void take_jobs(const SyncResponse& response);
  Duration fail(const Error& error);

  SyncParts parts_;
  SyncCore core_;
  Pacer pacer_;
  Bell bell_{};
  Guarded<Shared> shared_{};
  mutable Guarded<HubConfig> config_{};
  std::string last_error_{};
};

}  // namespace holdfast
