// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "controller/accepted_guests.hpp"
#include "controller/host_pass.hpp"
#include "controller/pass_metrics.hpp"
#include "controller/progress_board.hpp"
#include "controller/work_queue.hpp"
#include "gate/gate.hpp"
#include "host/host.hpp"
#include "hubclient/desired_source.hpp"
#include "journal/journal.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"

namespace holdfast {

// What an engine is built over. References outlive it.
struct EngineParts {
  Journal& journal;
  host::Host host;
  DesiredSource& source;
  const Clock& clock;
  Random& random;
  std::string host_id{};
  std::string provider = "libvirt";  // what `host` is
  Logger log{};
  const Authorities* authorities = nullptr;  // null: no signed orders are accepted
  // Work on signed jobs about the host itself; when to come again. May be empty.
  std::function<Result<std::optional<Duration>>()> host_jobs{};
  std::stop_token stop{};                        // parks long steps
  std::function<void(LogLevel)> on_log_level{};  // HostConfig speaks; may be empty
  std::function<void()> on_pass_finished{};      // proof of progress; may be empty
  std::function<void()> on_guest_pass{};         // a guest may have changed; may be empty
  const HubWatch* hub = nullptr;                 // null: there is no hub
};

// When the last pass over the whole host ended, and how long it took.
struct LastPass {
  std::optional<Time> finished{};
  Duration took{};
  bool observed = false;  // the provider answered
  Duration at{};          // on the clock's elapsed(); the engine's start until there was one
};

// The controller without threads: queues, dispatch and the passes. The daemon drives it
// from threads (run_host, run_worker), the simulation from one (step). Everything it
// remembers is in the journal; it can be destroyed at any point and built again.
class Engine {
 public:
  // Takes up the accepted state and every unfinished operation of the journal.
  static Result<std::unique_ptr<Engine>> start(EngineParts parts);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() = default;

  // Loops of the daemon's threads; return once `stop` is requested and their current
  // key is finished or parked. One thread may run run_host(), any number run_worker().
  void run_host(const std::stop_token& stop);
  void run_worker(const std::stop_token& stop);

  // Works on one ready key, host before guests; false when none is ready now.
  bool step();
  // Until step() has something to do; nullopt: never, unless somebody wakes it.
  std::optional<Duration> next_due();

  // Something about the host may have changed: look at it at once. Thread-safe.
  void wake_host();
  // A guest may have changed, nil for all of them. Thread-safe.
  void wake(const Uuid& uuid);
  // An order waits in the journal for `name`. Thread-safe.
  void wake_for_order(const std::string& name);
  // A signed job waits in the journal for its subject: a guest, or the host. Thread-safe.
  void wake_for_job(const std::string& subject);

  // After a recovery was written: leaves observe-only mode.
  Result<void> resume_work();

  LastPass last_pass() const { return *last_pass_.lock(); }
  // Also while a pass hangs. Since the start, before the first one.
  Duration since_last_pass() const { return parts_.clock.elapsed() - last_pass().at; }
  const PassMetrics& metrics() const { return metrics_; }
  std::size_t queue_depth() { return guests_queue_.depth(); }
  Journal& journal() { return parts_.journal; }
  gate::Gate& gate() { return gate_; }
  GuestReconciler& guests() { return guests_; }
  AcceptedGuests& accepted() { return accepted_; }
  ProgressBoard& progress() { return progress_; }
  const EngineParts& parts() const { return parts_; }
  bool is_observe_only() const { return observe_only_; }

 private:
  explicit Engine(EngineParts parts);
  Result<void> take_up();
  void pass_host();
  void give_up_host_pass(const Error& error);
  void pass_guest(const std::string& key);
  void work_on_host_jobs();
  void retry_host(Retry how);
  Duration resync() const;

  EngineParts parts_;
  NoAuthorities no_authorities_{};
  gate::Gate gate_;
  AcceptedGuests accepted_{};
  ProgressBoard progress_{};
  GuestReconciler guests_;
  HostPass host_pass_;
  WorkQueue host_queue_;
  WorkQueue guests_queue_;
  mutable Guarded<LastPass> last_pass_{};
  PassMetrics metrics_{};
  std::atomic<bool> observe_only_{false};
};

}  // namespace holdfast
