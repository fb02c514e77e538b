// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/engine.hpp"
#include "hubclient/desired_source.hpp"
#include "tests/sim/scenario.hpp"

namespace holdfast::sim {

// What the real controller is told from outside: the desired state of its hub, and what
// operators have signed. Belongs to the test and outlives the daemons.
class Hub {
 public:
  explicit Hub(std::string host_id = "0123456789abcdef0123456789abcdef")
      : host_id_{std::move(host_id)} {}

  const std::string& host_id() const { return host_id_; }
  // A new generation with `resources`.
  void want(Resources resources, Time now);
  // Whatever a hub could send, taken as it is.
  void send(Fetched fetched);
  // The source answers with an error until the next want() or send().
  void fail(Error error);

  // `order`, verified. The world is told, too, when the loss is intended: SimWorld::sign().
  void sign(gate::Authority order);
  void sign(FreeOrder order);

  std::uint64_t revision() const { return revision_; }
  const std::optional<Fetched>& sent() const { return sent_; }
  const std::optional<Error>& failure() const { return failure_; }
  const std::map<std::string, gate::Authority>& orders() const { return orders_; }
  const std::map<std::string, FreeOrder>& free_orders() const { return free_orders_; }
  std::uint64_t generation() const { return generation_; }

 private:
  std::string host_id_;
  std::uint64_t generation_ = 0;
  std::uint64_t revision_ = 0;
  std::optional<Fetched> sent_{};
  std::optional<Error> failure_{};
  std::map<std::string, gate::Authority> orders_{};
  std::map<std::string, FreeOrder> free_orders_{};
};

// The hub, as the controller asks it.
class HubSource final : public DesiredSource {
 public:
  explicit HubSource(const Hub& hub) : hub_{hub} {}
  Result<std::optional<Fetched>> fetch() override;
  std::string describe() const override { return "simulated hub"; }

 private:
  const Hub& hub_;
  std::uint64_t seen_ = 0;
};

// What the hub's operators signed.
class HubOrders final : public Authorities {
 public:
  explicit HubOrders(const Hub& hub) : hub_{hub} {}
  Result<std::optional<gate::Authority>> find(const std::string& job_id) const override;
  Result<std::optional<FreeOrder>> find_free(const std::string& job_id) const override;

 private:
  const Hub& hub_;
};

// The real journal, gate, reconcilers and controller, on one thread and virtual time.
class EngineDaemon final : public Daemon {
 public:
  static Result<std::unique_ptr<Daemon>> start(const DaemonParts& parts, const Hub& hub);

  bool step() override { return engine_->step(); }
  std::optional<Duration> next_due() override { return engine_->next_due(); }
  Journal& journal() override { return *journal_; }
  Engine& engine() { return *engine_; }

 private:
  EngineDaemon(std::unique_ptr<Journal> journal, const Hub& hub)
      : journal_{std::move(journal)}, source_{hub}, orders_{hub} {}

  std::unique_ptr<Journal> journal_;
  HubSource source_;
  HubOrders orders_;
  std::unique_ptr<Engine> engine_{};
};

// For Scenario: daemons that listen to `hub`, which must outlive the scenario.
StartDaemon engine_for(const Hub& hub);

}  // namespace holdfast::sim
