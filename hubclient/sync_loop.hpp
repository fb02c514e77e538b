// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
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
  // For what must not wait while a request is parked. Without it the parked one is cut short,
  // and an edit may meet a host that is connecting again.
  HubChannel* beside = nullptr;
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

// Asks the hub, over and over: one parked request at a time, and beside it, from the threads
// that bring them, news of this host. run() is the loop of one thread; once() is one turn of it,
// for tests.
class SyncLoop {
 public:
  explicit SyncLoop(SyncParts parts);

  void run(const std::stop_token& stop);
  // One exchange, and what to do about it. How long to wait before the next.
  Duration once(const std::stop_token& stop);

  // The newest status. While a request is parked and the hub does not know it, this says so to
  // the hub, and waits for its answer. Of one thread, the same as hurry().
  void post(std::shared_ptr<const Snapshot> snapshot, const std::stop_token& stop = {});
  // A final result waits: likewise.
  void hurry(const std::stop_token& stop = {});
  // The host pass looked at what was offered. Thread-safe.
  void decided() { bell_.ring(); }
  HubConfig config() const { return *config_.lock(); }

 private:
  struct Shared {
    explicit Shared(Random& random) : core{random} {}
    SyncCore core;
    std::shared_ptr<const Snapshot> snapshot{};
    std::string known_digest{};  // of the snapshot that is at the hub, or on its way
    std::optional<std::stop_source> parked{};
    bool is_cut = false;
    std::optional<std::stop_source> beside{};  // a request is on its way beside the parked one
  };
  SyncFacts facts();
  void tell(const std::stop_token& stop);
  void cut();
  void wait_for_beside(const std::stop_token& stop);
  void took_advice(const HubConfig& config);
  void take(SyncResponse& response, bool hub_agrees, const std::stop_token& stop);
  void offer(std::string desired, const std::stop_token& stop);
  void take_jobs(const SyncResponse& response);
  Duration fail(const Error& error);

  SyncParts parts_;
  Pacer pacer_;
  Bell bell_{};
  Guarded<Shared> shared_;
  std::mutex taking_{};  // one answer at a time
  mutable Guarded<HubConfig> config_{};
  std::string last_error_{};
};

}  // namespace holdfast
