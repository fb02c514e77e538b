// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/engine_daemon.hpp"

#include <utility>

namespace holdfast::sim {

void Hub::want(Resources resources, Time now) {
  Fetched fetched;
  fetched.state = with_envelope(std::move(resources), host_id_, generation_ + 1, now);
  fetched.has_envelope = true;
  send(std::move(fetched));
}

void Hub::send(Fetched fetched) {
  generation_ = std::max(generation_, fetched.state.generation);
  sent_ = std::move(fetched);
  failure_.reset();
  ++revision_;
}

void Hub::fail(Error error) {
  failure_ = std::move(error);
  ++revision_;
}

void Hub::sign(FreeOrder order) {
  const std::string job = order.job;
  free_orders_.insert_or_assign(job, std::move(order));
}

void Hub::sign(gate::Authority order) {
  const std::string job = order.job_id();
  orders_.insert_or_assign(job, std::move(order));
}

Result<std::optional<Fetched>> HubSource::fetch() {
  if (hub_.failure()) return *hub_.failure();
  if (seen_ == hub_.revision()) return std::optional<Fetched>{};
  seen_ = hub_.revision();
  return hub_.sent();
}

Result<std::optional<gate::Authority>> HubOrders::find(const std::string& job) const {
  const auto found = hub_.orders().find(job);
  if (found == hub_.orders().end()) return std::optional<gate::Authority>{};
  return std::optional{found->second};
}

Result<std::optional<FreeOrder>> HubOrders::find_free(const std::string& job) const {
  const auto found = hub_.free_orders().find(job);
  if (found == hub_.free_orders().end()) return std::optional<FreeOrder>{};
  return std::optional{found->second};
}

Result<std::unique_ptr<Daemon>> EngineDaemon::start(const DaemonParts& parts, const Hub& hub) {
  auto journal = TRY(Journal::open(parts.journal, parts.clock));
  std::unique_ptr<EngineDaemon> daemon{new EngineDaemon{std::move(journal), hub}};
  daemon->engine_ = TRY(Engine::start(EngineParts{.journal = *daemon->journal_,
                                                  .host = parts.host.ports(),
                                                  .source = daemon->source_,
                                                  .clock = parts.clock,
                                                  .random = parts.random,
                                                  .host_id = hub.host_id(),
                                                  .authorities = &daemon->orders_}));
  Engine* engine = daemon->engine_.get();
  parts.host.ports().inventory.on_change([engine](const Uuid& uuid) { engine->wake(uuid); });
  return std::unique_ptr<Daemon>{std::move(daemon)};
}

StartDaemon engine_for(const Hub& hub) {
  return [&hub](const DaemonParts& parts) { return EngineDaemon::start(parts, hub); };
}

}  // namespace holdfast::sim
