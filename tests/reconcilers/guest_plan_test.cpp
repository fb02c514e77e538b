// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_plan.hpp"

#include "tests/catch.hpp"
#include "tests/reconcilers/plan_facts.hpp"

using namespace holdfast;
using namespace holdfast::test;
using host::ObservedGuest;
using host::PowerState;

TEST_CASE("plan: a guest as wanted needs nothing", "[plan]") {
  for (const GuestFacts& facts : {converged(), wanting(stopped(converged()), [](GuestSpec& spec) {
                                    spec.power = Power::stopped;
                                  })}) {
    const GuestPlan plan = plan_guest(facts);
    CHECK(plan.in_sync());
    CHECK(plan.next() == nullptr);
    CHECK(condition(plan, "Ready").status == ConditionStatus::yes);
    CHECK(condition(plan, "Blocked").status == ConditionStatus::no);
    CHECK(condition(plan, "PendingRestart").status == ConditionStatus::no);
  }
}

TEST_CASE("plan: the same facts give the same conditions", "[plan]") {
  const auto facts = observing(converged(), [](ObservedGuest& g) { g.configured.cpus = 1; });
  const auto one = plan_guest(facts).conditions;
  const auto other = plan_guest(facts).conditions;
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].type == other[i].type);
    CHECK(one[i].message == other[i].message);
  }
}

TEST_CASE("plan: a wanted guest that was never made is created", "[plan][birth]") {
  const GuestPlan plan = plan_guest(unborn());
  REQUIRE(plan.actions.size() == 1);
  CHECK(find_action<CreateGuest>(plan) != nullptr);
  CHECK(plan.actions[0].verdict == Verdict::free);
  CHECK_FALSE(plan.in_sync());
}

TEST_CASE("plan: a guest that nobody wants and that never was is in sync", "[plan]") {
  GuestFacts facts = unborn();
  facts.desired.is_wanted = false;
  facts.desired.guest.reset();
  CHECK(plan_guest(facts).in_sync());
}

TEST_CASE("plan: nothing is created while something is in the way", "[plan][birth]") {
  struct Case {
    std::string reason{};
    void (*spoil)(GuestFacts&) = nullptr;
  };
  const std::vector<Case> cases{
      {"NameTaken",
       [](GuestFacts& f) {
         f.name_taken = NameClash{f.identity ? f.identity->uuid : Uuid{}, false};
       }},
      {"NeedsRecovery",
       [](GuestFacts& f) {
         f.name_taken = NameClash{Uuid{}, true};
       }},
      {"ImageMissing", [](GuestFacts& f) { f.image.reset(); }},
      {"TargetMissing", [](GuestFacts& f) { f.bad_targets["local"] = "no such target"; }},
      {"NotSupported", [](GuestFacts& f) { f.unsupported = "bootstrap: not here"; }},
      {"DiskTooSmall", [](GuestFacts& f) { f.desired.guest->spec.root_disk.size = gibibytes(4); }},
      {"ProviderMissing", [](GuestFacts& f) { f.desired.guest->spec.provider = "proxmox"; }},
      {"MassChangeHeld", [](GuestFacts& f) { f.desired.held = "more than half"; }},
      {"Rejected", [](GuestFacts& f) { f.desired.guest.reset(); }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    GuestFacts facts = unborn();
    c.spoil(facts);
    const GuestPlan plan = plan_guest(facts);
    CHECK(plan.actions.empty());
    CHECK(plan.blocked == c.reason);
    CHECK_FALSE(plan.in_sync());
    CHECK(condition(plan, "Blocked").reason == c.reason);
  }
}

TEST_CASE("plan: a guest that is not wanted any more is left exactly as it is", "[plan][gate]") {
  // Whatever else differs: nothing of it is corrected.
  GuestFacts facts = observing(converged(), [](ObservedGuest& g) {
    g.configured.cpus = 1;
    g.power = PowerState::stopped;
  });
  facts.desired.is_wanted = false;
  facts.desired.guest.reset();
  const GuestPlan plan = plan_guest(facts);
  const RefusedChange& refused = only_refusal(plan);
  CHECK(refused.verb == gate::Verb::destroy_guest);
  CHECK(refused.uuid == facts.identity->uuid);
  CHECK_FALSE(refused.effects.empty());
  CHECK(plan.next() == nullptr);
  CHECK(condition(plan, "Blocked").reason == "NeedsSignature");
}

TEST_CASE("plan: an unwanted guest whose definition is gone says how it can be destroyed",
          "[plan][gate]") {
  GuestFacts facts = converged();
  facts.observed = nullptr;
  facts.desired.is_wanted = false;
  facts.desired.guest.reset();
  const GuestPlan plan = plan_guest(facts);
  only_refusal(plan);
  CHECK(plan.actions.front().reason.find("named again it is defined anew") != std::string::npos);
}

TEST_CASE("plan: a marker that is not ours stops everything", "[plan][identity]") {
  const std::vector<void (*)(ObservedGuest&)> spoilers{
      [](ObservedGuest& g) { g.marker.reset(); },
      [](ObservedGuest& g) { g.marker->incarnation.value = 2; },
      [](ObservedGuest& g) { g.marker->host_id = "another"; },
      [](ObservedGuest& g) { g.marker->uuid = Uuid{}; },
  };
  for (const auto spoil : spoilers) {
    GuestFacts facts = observing(converged(), spoil);
    facts = observing(facts, [](ObservedGuest& g) { g.configured.cpus = 1; });
    for (const bool is_wanted : {true, false}) {
      facts.desired.is_wanted = is_wanted;
      const GuestPlan plan = plan_guest(facts);
      CHECK(plan.actions.empty());
      CHECK(plan.blocked == "MarkerDiffers");
    }
  }
}

TEST_CASE("plan: what the provider cannot tell is not acted on", "[plan]") {
  auto facts = observing(converged(), [](ObservedGuest& g) {
    g.power = PowerState::unknown;
    g.configured.cpus = 1;
  });
  CHECK(plan_guest(facts).blocked == "PowerUnknown");
  CHECK(plan_guest(facts).actions.empty());
  facts = observing(converged(), [](ObservedGuest& g) {
    g.problem = "no XML";
    g.configured.cpus = 1;
  });
  CHECK(plan_guest(facts).blocked == "Unreadable");
  CHECK(plan_guest(facts).actions.empty());
}

TEST_CASE("plan: a definition that went away comes back over its own disks only",
          "[plan][identity]") {
  GuestFacts facts = converged();
  facts.observed.reset();
  for (const DiskIdentity& disk : facts.identity->disks)
    facts.disk_files[disk.active] = gibibytes(16);

  SECTION("all disks are there") {
    const GuestPlan plan = plan_guest(facts);
    const auto* again = find_action<RedefineGuest>(plan);
    REQUIRE(again != nullptr);
    CHECK(plan.actions.size() == 1);
    CHECK(again->definition.marker.uuid == facts.identity->uuid);
    CHECK(again->definition.shape.disks.size() == 2);
    CHECK(again->definition.shape.nics.at(0).mac == facts.identity->nics.at(0).mac);
    CHECK(condition(plan, "Missing").status == ConditionStatus::yes);
  }
  SECTION("one is gone") {
    facts.disk_files.erase(facts.identity->disks.at(1).active);
    const GuestPlan plan = plan_guest(facts);
    CHECK(plan.actions.empty());
    CHECK(plan.blocked == "DiskMissing");
    CHECK(condition(plan, "Missing").status == ConditionStatus::yes);
  }
  SECTION("it was on an overlay") {
    facts.identity->disks.at(0).active = "/guests/overlay.qcow2";
    facts.identity->disks.at(0).format = "qcow2";
    CHECK(plan_guest(facts).blocked == "DiskMissing");
    facts.disk_files["/guests/overlay.qcow2"] = gibibytes(16);
    const GuestPlan plan = plan_guest(facts);
    REQUIRE(find_action<RedefineGuest>(plan) != nullptr);
    CHECK(find_action<RedefineGuest>(plan)->definition.shape.disks.at(0).path ==
          "/guests/overlay.qcow2");
  }
}

TEST_CASE("plan: changes that would cost data are refused one by one", "[plan][gate]") {
  struct Case {
    gate::Verb verb = gate::Verb::shrink_disk;
    std::string object{};
    std::string field{};
    void (*edit)(GuestSpec&) = nullptr;
  };
  const std::vector<Case> cases{
      {gate::Verb::replace_image, "debian-12/2", "image",
       [](GuestSpec& s) { s.image.version = "2"; }},
      {gate::Verb::shrink_disk, "root 15Gi", "rootDisk.size",
       [](GuestSpec& s) { s.root_disk.size = gibibytes(15); }},
      {gate::Verb::shrink_disk, "db 9Gi", "volumes.db.size",
       [](GuestSpec& s) { s.volumes[0].size = gibibytes(9); }},
      {gate::Verb::move_disk, "root usb", "rootDisk.target",
       [](GuestSpec& s) { s.root_disk.target = "usb"; }},
      {gate::Verb::move_disk, "db usb", "volumes.db.target",
       [](GuestSpec& s) { s.volumes[0].target = "usb"; }},
      {gate::Verb::remove_volume, "db", "volumes.db", [](GuestSpec& s) { s.volumes.clear(); }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.field, c.object);
    const GuestPlan plan = plan_guest(wanting(converged(), c.edit));
    const RefusedChange& refused = only_refusal(plan);
    CHECK(refused.verb == c.verb);
    CHECK(refused.object == c.object);
    CHECK(plan.actions[0].field == c.field);
    CHECK_FALSE(plan.actions[0].reason.empty());
    CHECK_FALSE(refused.effects.empty());
    CHECK_FALSE(plan.in_sync());

    // It stands alone: another change of the same guest happens all the same.
    auto facts = wanting(converged(), c.edit);
    facts.desired.guest->spec.cpus = 4;
    const GuestPlan both = plan_guest(facts);
    REQUIRE(both.next() != nullptr);
    const auto* change = find_action<ConfigureGuest>(both);
    REQUIRE(change != nullptr);
    CHECK(change->definition.shape.disks == facts.observed->configured.disks);
    // And the spec is not written down as applied in full.
    CHECK(change->definition.marker.spec_digest == facts.observed->marker->spec_digest);
  }
}

TEST_CASE("plan: a provider cannot be changed", "[plan]") {
  const auto plan = plan_guest(wanting(converged(), [](GuestSpec& s) { s.provider = "proxmox"; }));
  CHECK(plan.actions.empty());
  CHECK(plan.blocked == "ProviderChanged");
}

TEST_CASE("plan: power goes to where it is wanted", "[plan][power]") {
  struct Case {
    PowerState now = PowerState::running;
    Power wanted = Power::running;
    std::vector<PowerChange> changes{};
    bool is_waiting = false;
  };
  const std::vector<Case> cases{
      {PowerState::running, Power::running, {}},
      {PowerState::running, Power::stopped, {PowerChange::stop}},
      {PowerState::running, Power::suspended, {PowerChange::suspend}},
      {PowerState::stopped, Power::running, {PowerChange::start}},
      {PowerState::stopped, Power::stopped, {}},
      {PowerState::stopped, Power::suspended, {PowerChange::start, PowerChange::suspend}},
      {PowerState::suspended, Power::running, {PowerChange::resume}},
      {PowerState::suspended, Power::stopped, {PowerChange::stop}},
      {PowerState::suspended, Power::suspended, {}},
      {PowerState::crashed, Power::running, {PowerChange::start}},
      {PowerState::crashed, Power::stopped, {}},
      {PowerState::stopping, Power::running, {}, true},
      {PowerState::stopping, Power::stopped, {PowerChange::stop}},
  };
  for (const Case& c : cases) {
    CAPTURE(to_string(c.now), to_string(c.wanted));
    auto facts = wanting(converged(), [&](GuestSpec& s) { s.power = c.wanted; });
    facts = observing(facts, [&](ObservedGuest& g) {
      g.power = c.now;
      if (!is_active(c.now)) g.live.reset();
    });
    const GuestPlan plan = plan_guest(facts);
    CHECK(power_changes(plan) == c.changes);
    CHECK(plan.is_waiting == c.is_waiting);
    CHECK(plan.actions.size() == c.changes.size());
  }
}

TEST_CASE("plan: a guest is stopped before it is changed and changed before it is started",
          "[plan][power]") {
  auto facts = wanting(converged(), [](GuestSpec& s) {
    s.power = Power::stopped;
    s.cpus = 1;
  });
  REQUIRE(plan_guest(facts).actions.size() == 1);
  CHECK(power_changes(plan_guest(facts)) == std::vector<PowerChange>{PowerChange::stop});
  facts = stopped(wanting(converged(), [](GuestSpec& s) { s.cpus = 1; }));
  const auto plan = plan_guest(facts);
  REQUIRE(plan.actions.size() == 2);
  CHECK(std::holds_alternative<ConfigureGuest>(plan.actions[0].action));
  CHECK(std::holds_alternative<ChangePower>(plan.actions[1].action));
}

TEST_CASE("plan: a renamed guest gets its name back when it is stopped", "[plan]") {
  const auto facts = observing(converged(), [](ObservedGuest& g) { g.name = "other"; });
  CHECK(plan_guest(facts).in_sync());
  CHECK(plan_guest(facts).pending.size() == 1);
  const auto plan = plan_guest(stopped(facts));
  REQUIRE(find_action<RenameGuest>(plan) != nullptr);
  CHECK(find_action<RenameGuest>(plan)->to == "acme");
}

TEST_CASE("plan: a rejected edit leaves the accepted one in force", "[plan]") {
  GuestFacts facts = wanting(converged(), [](GuestSpec& s) { s.cpus = 3; });
  facts.desired.rejection = "/spec/memory: found text";
  CHECK(find_action<ConfigureGuest>(plan_guest(facts)) != nullptr);
  CHECK(condition(plan_guest(facts), "Accepted").status == ConditionStatus::no);
  facts.desired.guest.reset();
  CHECK(plan_guest(facts).actions.empty());
  CHECK(plan_guest(facts).blocked == "Rejected");
}

TEST_CASE("plan: a held mass change stops every action", "[plan]") {
  GuestFacts facts = wanting(converged(), [](GuestSpec& s) { s.cpus = 3; });
  facts.desired.held = "3 of 4 guests would go";
  CHECK(plan_guest(facts).actions.empty());
  facts.desired.is_wanted = false;
  facts.desired.guest.reset();
  CHECK(plan_guest(facts).actions.empty());
  CHECK(plan_guest(facts).blocked == "MassChangeHeld");
}

TEST_CASE("plan: disks on other files are remembered", "[plan][snapshot]") {
  const auto facts = observing(converged(), [](ObservedGuest& g) {
    g.configured.disks[0].path = "/guests/one.qcow2";
    g.configured.disks[0].format = "qcow2";
  });
  const auto first = plan_guest(facts);
  CHECK(first.in_sync());
  REQUIRE(first.moved);
  CHECK(first.moved->disks[0].active == "/guests/one.qcow2");
  CHECK(first.moved->disks[0].path == facts.identity->disks[0].path);
  auto next =
      observing(facts, [](ObservedGuest& g) { g.configured.disks[0].path = "/guests/two.qcow2"; });
  next.identity = first.moved;
  const auto second = plan_guest(next);
  REQUIRE(second.moved);
  CHECK(second.moved->disks[0].layers == std::vector<std::string>{"/guests/one.qcow2"});
}

TEST_CASE("plan: a destroyed guest comes anew only when its spec says something new",
          "[plan][tombstone]") {
  GuestFacts facts = unborn();
  Tombstone stone;
  stone.identity = identity_of(acme());
  stone.identity.destroyed_spec = applied_digest(acme());
  stone.provenance = row_of(stone.identity);
  stone.provenance.life = Life::tombstone;
  stone.provenance.tombstoned_at = facts.now.wall - 2 * tombstone_keep;  // or the clock jumped
  stone.provenance.tombstoned_witnessed = facts.now.witnessed - tombstone_keep + Duration{1};
  facts.tombstones.push_back(stone);
  CHECK(plan_guest(facts).blocked == "Destroyed");
  facts.desired.guest->spec.cpus = 3;
  CHECK(find_action<CreateGuest>(plan_guest(facts)) != nullptr);

  SECTION("and is freed when its days are over") {
    facts.tombstones[0].provenance.tombstoned_witnessed = facts.now.witnessed - tombstone_keep;
    auto plan = plan_guest(facts);
    REQUIRE(find_action<FreeTombstone>(plan) != nullptr);
    CHECK(plan.actions.back().verdict == Verdict::needs_permit);
    facts.desired.held = "held";
    CHECK(plan_guest(facts).actions.empty());
  }
  SECTION("unless somebody else stands in its place") {
    facts.tombstones[0].provenance.tombstoned_witnessed = facts.now.witnessed - tombstone_keep;
    auto observed = shown(acme(), stone.identity);
    observed.marker.reset();
    facts.tombstones[0].observed = share(observed);
    CHECK(find_action<FreeTombstone>(plan_guest(facts)) == nullptr);
  }
}

TEST_CASE("plan: a guest that was destroyed stays so when its tombstone is gone, naming the job",
          "[plan][tombstone]") {
  GuestFacts facts = unborn();
  facts.destroyed = parse_destruction(to_string(Destruction{applied_digest(acme()), "j0b"}));
  const auto plan = plan_guest(facts);
  CHECK(plan.blocked == "Destroyed");
  CHECK(plan.blocked_by.find("j0b") != std::string::npos);
  CHECK(plan.actions.empty());
  facts.desired.guest->spec.power = Power::stopped;  // no other guest for that
  CHECK(plan_guest(facts).blocked == "Destroyed");
  facts.desired.guest->spec.cpus = 3;
  CHECK(find_action<CreateGuest>(plan_guest(facts)) != nullptr);
}

TEST_CASE("plan: a fingerprint follows the guest and not its power", "[plan]") {
  const auto base = *converged().observed;
  auto other = base;
  other.power = PowerState::stopped;
  other.live.reset();
  CHECK(guest_fingerprint(base) == guest_fingerprint(other));
  other.configured.disks[0].size = gibibytes(99);
  CHECK(guest_fingerprint(base) != guest_fingerprint(other));
}
