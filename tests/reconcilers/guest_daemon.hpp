// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/reconcilers/guest_site.hpp"
#include "tests/sim/scenario.hpp"

namespace holdfast::test {

// Orders as a job queue gives them: again after each death, until they are journaled.
class OrderBook {
 public:
  using Give = std::function<Result<OperationId>(GuestReconciler&)>;
  void add(std::string kind, Give give) { orders_.push_back({std::move(kind), std::move(give)}); }
  // False: there was nothing to give.
  bool give_next(GuestReconciler& guests, const Journal& journal) {
    if (given_ == orders_.size()) return false;
    const Order& order = orders_[given_];
    const auto known = journal.recent("", 1000).value();
    const bool is_journaled = std::any_of(
        known.begin(), known.end(), [&](const Operation& op) { return op.kind == order.kind; });
    if (is_journaled || order.give(guests)) ++given_;
    return true;
  }

 private:
  struct Order {
    std::string kind{};  // each at most once in a book
    Give give{};
  };
  std::vector<Order> orders_{};
  std::size_t given_ = 0;
};

// The least daemon around a GuestReconciler: each guest in turn, again when it asks for
// it, a second after a failure, and once a minute. What it is told by outlives it.
class GuestDaemon final : public sim::Daemon {
 public:
  GuestDaemon(const sim::DaemonParts& parts, const Desk& desk, const Signatures& signatures,
              OrderBook& orders)
      : clock_{parts.clock},
        desk_{desk},
        orders_{orders},
        journal_{Journal::open(parts.journal, parts.clock).value()},
        gate_{*journal_, parts.clock, parts.random},
        guests_{GuestWorld{*journal_, gate_, parts.host.ports(), parts.clock, parts.random, desk,
                           signatures, host_id, "libvirt", Logger{}, ProgressSink{},
                           std::stop_token{}}} {}

  bool step() override {
    if (orders_.give_next(guests_, *journal_)) {
      for (auto& [name, due] : due_) due = clock_.elapsed();
      return true;
    }
    find_work();
    for (auto& [name, due] : due_) {
      if (due > clock_.elapsed()) continue;
      due = clock_.elapsed() + std::chrono::minutes{1};
      const auto requeue = guests_.reconcile(name);
      if (!requeue)
        due = clock_.elapsed() + std::chrono::seconds{1};
      else if (requeue->delay)
        due = std::min(due, clock_.elapsed() + *requeue->delay);
      return true;
    }
    return false;
  }
  std::optional<Duration> next_due() override {
    std::optional<Duration> next;
    for (const auto& [name, due] : due_) {
      const Duration left = std::max(Duration{0}, due - clock_.elapsed());
      next = next ? std::min(*next, left) : left;
    }
    return next;
  }
  Journal& journal() override { return *journal_; }

 private:
  // What is wanted, and what was ever made here; all of it anew with each generation.
  void find_work() {
    const bool is_news = seen_ != desk_.generation();
    seen_ = desk_.generation();
    std::vector<std::string> names = desk_.names();
    const auto known = guests_.known_guests().value();
    names.insert(names.end(), known.begin(), known.end());
    for (const std::string& name : names)
      if (is_news || due_.count(name) == 0) due_[name] = clock_.elapsed();
  }

  sim::ManualClock& clock_;
  const Desk& desk_;
  OrderBook& orders_;
  std::unique_ptr<Journal> journal_;
  gate::Gate gate_;
  GuestReconciler guests_;
  std::map<std::string, Duration> due_{};
  std::uint64_t seen_ = 0;
};

// One simulated site with that daemon; kept by the play that uses it.
struct CrashSite {
  Desk desk{};
  Signatures signatures{};
  OrderBook orders{};

  static std::unique_ptr<sim::Scenario> scenario(const std::shared_ptr<CrashSite>& site) {
    auto scenario = std::make_unique<sim::Scenario>(
        [site](const sim::DaemonParts& parts) -> Result<std::unique_ptr<sim::Daemon>> {
          return std::unique_ptr<sim::Daemon>{
              std::make_unique<GuestDaemon>(parts, site->desk, site->signatures, site->orders)};
        });
    scenario->world().add_image({"debian-12", "1"}, gibibytes(8));
    return scenario;
  }
};

}  // namespace holdfast::test
