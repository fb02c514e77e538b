// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/hub_control.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"
#include "controller/current_source.hpp"
#include "controller/engine.hpp"
#include "controller/hub_watch.hpp"
#include "hubclient/bell.hpp"
#include "hubclient/hub_access.hpp"
#include "hubclient/job_sink.hpp"

namespace holdfast {

// What the link to a hub is made of; references outlive it.
struct HubLinkParts {
  Engine& engine;
  CurrentSource& source;
  HubWatch& watch;
  JobSink& jobs;
  Random& random;
  std::function<Result<StatusReport>()> status{};  // asks the provider once
  std::string state_dir{};
  std::string url{};  // of agent.yaml; empty: where the host was enrolled
  std::string hostname{};
  std::string version{};
  Logger log{};
};

// The host's end of the hub channel: three threads once the host is enrolled, none before.
// Thread-safe.
class HubLink final : public api::HubControl {
 public:
  // Takes up an enrolment that STATE_DIR holds. One that is of no use is said, and the host goes
  // on with what it accepted last.
  static std::unique_ptr<HubLink> open(HubLinkParts parts);
  ~HubLink() override;
  HubLink(const HubLink&) = delete;
  HubLink& operator=(const HubLink&) = delete;
  // Also when what an enrolment left cannot be read.
  static bool is_enrolled(const std::string& state_dir);

  // Makes this host a known one of the hub at `url` and begins to work for it. Errc::conflict
  // when this host's id does not come from its enrolment key.
  Result<HubReport> enroll(const std::string& url, const std::string& token) override;

  // The host pass ended: what the hub sent was decided about.
  void pass_finished();
  // Something about the host may have changed.
  void changed() { bell_.ring(); }
  // The state in force.
  std::optional<Held> held() const;

 private:
  struct Connection;
  explicit HubLink(HubLinkParts parts);
  Result<void> connect(const HubAccess& access);
  void report(Connection& connection, const std::stop_token& stop);
  Heartbeat beat_facts() const;

  HubLinkParts parts_;
  Bell bell_{};  // a report may be due
  // The last one is in use; earlier ones are still known to the engine.
  Guarded<std::vector<std::shared_ptr<Connection>>> connections_{};
};

// Leaves out what would make a report larger than a hub takes, and says so in it.
void shorten(StatusReport& report);

}  // namespace holdfast
