// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "journal/writes.hpp"
#include "tests/gate/authority_issuer.hpp"
#include "tests/sim/engine_daemon.hpp"

namespace holdfast::sim {

// A hub and the host that listens to it, for campaigns of many runs.
struct EngineSite {
  std::shared_ptr<Hub> hub{};
  std::unique_ptr<Scenario> scenario{};

  inline static const ImageRef image{"debian-12", "1"};

  explicit EngineSite(std::uint64_t seed = 1, const Hub& heard = Hub{})
      : hub{std::make_shared<Hub>(heard)},
        // The daemons own the hub, too: a play outlives the site that it came from.
        scenario{std::make_unique<Scenario>(
            [hub = hub](const DaemonParts& parts) { return EngineDaemon::start(parts, *hub); },
            seed)} {}

  SimWorld& world() { return scenario->world(); }
  Engine& engine() { return dynamic_cast<EngineDaemon&>(scenario->daemon()).engine(); }
  void want(Resources resources) { hub->want(std::move(resources), scenario->clock().now()); }
};

// A guest that is born from EngineSite::image and fits its root disk.
inline Guest small_guest(const std::string& name) {
  Guest wanted;
  wanted.name = name;
  wanted.spec.image = EngineSite::image;
  wanted.spec.cpus = 2;
  wanted.spec.memory = gibibytes(1);
  wanted.spec.root_disk.size = gibibytes(8);
  wanted.spec.interfaces = {{"net0", Interface::Kind::user, "", "virtio"}};
  return wanted;
}

// An order for the guest `name`, signed: the controller's source of orders knows it, and
// the world knows that the loss is intended.
inline gate::Authority sign_order(Hub& hub, Scenario& scenario, gate::Verb verb,
                                  const SimDomain& guest, const std::string& object = {}) {
  gate::SignedOrder order;
  const std::string number = std::to_string(hub.orders().size() + hub.free_orders().size() + 1);
  order.job_id = std::string(32 - number.size(), '0') + number;
  order.verb = verb;
  order.uuid = guest.uuid;
  if (guest.marker) order.incarnation = guest.marker->incarnation;
  order.expires = scenario.clock().now() + std::chrono::hours{48};
  order.object = object;
  auto authority = gate::AuthorityIssuer::issue(order);
  hub.sign(authority);
  scenario.world().sign(verb, order.uuid, order.incarnation);
  return authority;
}

// An order for which the gate is not asked.
inline FreeOrder sign_free_order(Hub& hub, Scenario& scenario, const std::string& action,
                                 const SimDomain& guest,
                                 std::map<std::string, std::string> params) {
  const std::string number = std::to_string(hub.orders().size() + hub.free_orders().size() + 1);
  FreeOrder order{action,
                  std::string(32 - number.size(), '0') + number,
                  guest.uuid,
                  guest.marker ? guest.marker->incarnation : Incarnation{},
                  scenario.clock().now() + std::chrono::hours{48},
                  std::move(params)};
  hub.sign(order);
  return order;
}

inline JobRecord job_of(const FreeOrder& order, const std::string& subject) {
  JobRecord job;
  job.id = order.job;
  job.payload_sha256 = "payload " + job.id;
  job.subject = subject;
  job.action = order.action;
  job.envelope = "signed";
  job.expires = order.expires;
  return job;
}

// `authority` as an accepted job that waits for `subject`, as its acceptance leaves it.
inline JobRecord job_of(const gate::Authority& authority, const std::string& subject) {
  JobRecord job;
  job.id = authority.job_id();
  job.payload_sha256 = "payload " + job.id;
  job.subject = subject;
  job.action = gate::job_action(authority.verb());
  job.envelope = "signed";
  job.expires = authority.expires();
  return job;
}

// Accepts the job until it is in the journal, as a hub that repeats itself would.
inline void give_job(Scenario& scenario, const JobRecord& job) {
  for (bool is_taken = false; !is_taken;) {
    scenario.attempt([&](Daemon& daemon) {
      is_taken = daemon.journal().job_seen(job.id).value();  // by a daemon that died right after
      if (is_taken) return;
      const auto put = daemon.journal().commit([&](Writes& w) { return w.put_job(job); });
      if (!put) throw std::runtime_error{"a job: " + put.error().describe()};
      dynamic_cast<EngineDaemon&>(daemon).engine().wake_for_job(job.subject);
      is_taken = true;
    });
  }
}

}  // namespace holdfast::sim
