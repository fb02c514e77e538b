// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "gate/gate.hpp"
#include "journal/journal.hpp"
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"
#include "tests/catch.hpp"
#include "tests/gate/authority_issuer.hpp"
#include "tests/reconcilers/plan_facts.hpp"
#include "tests/sim/sim_host.hpp"

namespace holdfast::test {

// The desired state of a test: a new generation with each change.
class Desk final : public DesiredGuests {
 public:
  void want(const Guest& guest) {
    guests_[guest.name] = guest;
    ++generation_;
  }
  void drop(const std::string& name) {
    guests_.erase(name);
    ++generation_;
  }
  std::uint64_t generation() const { return generation_; }

  std::shared_ptr<const DesiredGuest> find(const std::string& name) const override {
    if (generation_ == 0) return nullptr;
    DesiredGuest desired;
    desired.generation = generation_;
    const auto found = guests_.find(name);
    desired.is_wanted = found != guests_.end();
    if (desired.is_wanted) desired.guest = found->second;
    return std::make_shared<const DesiredGuest>(std::move(desired));
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, guest] : guests_) names.push_back(name);
    return names;
  }

 private:
  std::map<std::string, Guest> guests_{};
  std::uint64_t generation_ = 0;
};

// Orders that operators signed, as the jobs of a later issue will hand them over.
class Signatures final : public Authorities {
 public:
  void add(const gate::Authority& authority) {
    orders_.insert_or_assign(authority.job_id(), authority);
  }
  void add(const FreeOrder& order) { free_orders_.insert_or_assign(order.job, order); }
  Result<std::optional<gate::Authority>> find(const std::string& job) const override {
    const auto found = orders_.find(job);
    if (found == orders_.end()) return std::optional<gate::Authority>{};
    return std::optional{found->second};
  }
  Result<std::optional<FreeOrder>> find_free(const std::string& job) const override {
    const auto found = free_orders_.find(job);
    if (found == free_orders_.end()) return std::optional<FreeOrder>{};
    return std::optional{found->second};
  }

 private:
  std::map<std::string, gate::Authority> orders_{};
  std::map<std::string, FreeOrder> free_orders_{};
};

// Guest acme with what the simulated host has: one target, one image of 8Gi.
inline Guest small(const std::string& name) {
  Guest guest = acme();
  guest.name = name;
  return guest;
}

// A reconciler on a simulated host, driven by hand.
struct GuestSite {
  sim::SimWorld world{};
  sim::ManualClock clock{};
  sim::SeededRandom random{11};
  sim::SimHost host{world, clock};
  std::unique_ptr<Journal> journal{open(clock)};
  gate::Gate gate{*journal, clock, random};
  Desk desk{};
  Signatures signatures{};
  std::stop_source stopping{};
  GuestReconciler guests{GuestWorld{*journal, gate, host.ports(), clock, random, desk, signatures,
                                    host_id, "libvirt", Logger{}, ProgressSink{},
                                    stopping.get_token()}};

  GuestSite() { world.add_image({"debian-12", "1"}, gibibytes(8)); }

  static std::unique_ptr<Journal> open(const Clock& clock) {
    JournalOptions options;
    options.path = ":memory:";
    options.writer = JournalOptions::Writer::inline_writer;
    options.sync = false;
    return Journal::open(options, clock).value();
  }

  // Passes over `name` until it wants nothing more soon; time moves as it asks.
  Requeue settle(const std::string& name) {
    for (int pass = 0; pass < 200; ++pass) {
      auto requeue = guests.reconcile(name);
      if (!requeue) {
        last_error = requeue.error().describe();
        clock.advance(std::chrono::seconds{1});
        host.advance(Duration{0});
        continue;
      }
      if (!requeue->delay || *requeue->delay >= std::chrono::minutes{5}) return *requeue;
      host.advance(*requeue->delay);
    }
    FAIL("guest " << name << " does not settle: " << last_error);
    return {};
  }
  void want(const Guest& guest) {
    desk.want(guest);
    settle(guest.name);
  }
  sim::SimDomain& domain(const std::string& name) {
    sim::SimDomain* found = world.find_by_name(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  GuestIdentity identity(const std::string& name) {
    const auto row = journal->owner_of(guest_subject(name)).value();
    REQUIRE(row);
    return parse_identity(row->detail).value();
  }
  ConditionRecord condition(const std::string& name, const std::string& type) {
    for (const ConditionRecord& c : journal->conditions(guest_subject(name)).value())
      if (c.type == type) return c;
    return {};
  }
  std::size_t commits_of(const std::string& name) {
    return journal->recent(guest_subject(name), 1000).value().size();
  }
  gate::Authority sign(gate::Verb verb, const GuestIdentity& identity,
                       const std::string& object = {}) {
    gate::SignedOrder order;
    order.verb = verb;
    order.uuid = identity.uuid;
    order.incarnation = identity.incarnation;
    order.expires = clock.now() + std::chrono::hours{24};
    order.object = object;
    order.job_id = std::to_string(++signed_jobs);
    order.job_id.insert(0, 32 - order.job_id.size(), '0');
    const auto authority = gate::AuthorityIssuer::issue(order);
    signatures.add(authority);
    world.sign(verb, identity.uuid, identity.incarnation);
    return authority;
  }
  // An order that was signed and accepted, and waits for the next pass over `name`.
  JobRecord give(const gate::Authority& authority, const std::string& name) {
    JobRecord job;
    job.id = authority.job_id();
    job.payload_sha256 = "payload " + job.id;
    job.subject = guest_subject(name);
    job.action = gate::job_action(authority.verb());
    job.expires = authority.expires();
    REQUIRE(journal->commit([&](Writes& writes) { return writes.put_job(job); }));
    return job;
  }
  JobRecord job(const gate::Authority& authority) {
    return journal->job(authority.job_id()).value().value();
  }
  bool is_in_sync() {
    const auto inventory = host.ports().inventory.observe_all().value();
    return guests.out_of_sync(inventory).value().guests.empty();
  }

  std::string last_error{};
  unsigned signed_jobs = 0;
};

}  // namespace holdfast::test
