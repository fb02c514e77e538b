// SPDX-License-Identifier: Apache-2.0
// What is planned for a guest that is there and is to be another: disks, interfaces, shape.
#include "reconcilers/guest/guest_plan.hpp"
#include "tests/catch.hpp"
#include "tests/reconcilers/plan_facts.hpp"

using namespace holdfast;
using namespace holdfast::test;
using host::ObservedGuest;
using host::PowerState;

TEST_CASE("plan: disks grow", "[plan]") {
  const auto edit = [](GuestSpec& s) { s.root_disk.size = gibibytes(20); };
  for (const GuestFacts& facts :
       {wanting(converged(), edit), stopped(wanting(converged(), edit))}) {
    const GuestPlan plan = plan_guest(facts);
    const auto* grow = find_action<GrowDisk>(plan);
    REQUIRE(grow != nullptr);
    CHECK(grow->disk.name == "root");
    CHECK(grow->size == gibibytes(20));
    CHECK(grow->is_active == (facts.observed->power == PowerState::running));
    CHECK(std::holds_alternative<GrowDisk>(plan.actions.at(0).action));
  }
}

TEST_CASE("plan: a size that the provider does not give is taken from the file", "[plan]") {
  auto facts = observing(converged(), [](ObservedGuest& g) {
    for (host::Disk& disk : g.configured.disks) disk.size = {};
  });
  facts.disk_files[facts.identity->disks.at(0).path] = gibibytes(16);
  facts.disk_files[facts.identity->disks.at(1).path] = gibibytes(12);
  const GuestPlan plan = plan_guest(facts);
  CHECK(only_refusal(plan).verb == gate::Verb::shrink_disk);
  CHECK(only_refusal(plan).object == "db 10Gi");
}

TEST_CASE("plan: a new volume is made and a detached one is attached again", "[plan]") {
  SECTION("new") {
    GuestFacts facts = wanting(converged(), [](GuestSpec& s) {
      Volume media;
      media.name = "media";
      media.size = gibibytes(1);
      s.volumes.push_back(media);
    });
    facts.new_paths["media"] = "/guests/media.raw";
    const GuestPlan plan = plan_guest(facts);
    const auto* add = find_action<AddVolume>(plan);
    REQUIRE(add != nullptr);
    CHECK_FALSE(add->is_made);
    CHECK(add->disk.path == "/guests/media.raw");
    facts.bad_targets["local"] = "unplugged";
    const GuestPlan blocked = plan_guest(facts);
    CHECK(find_action<AddVolume>(blocked) == nullptr);
    CHECK(blocked.blocked == "TargetMissing");
  }
  SECTION("detached by somebody") {
    GuestFacts facts =
        observing(converged(), [](ObservedGuest& g) { g.configured.disks.pop_back(); });
    const GuestPlan lost = plan_guest(facts);
    CHECK(find_action<AddVolume>(lost) == nullptr);
    CHECK(lost.blocked == "DiskMissing");
    facts.disk_files[facts.identity->disks.at(1).active] = gibibytes(10);
    const GuestPlan plan = plan_guest(facts);
    REQUIRE(find_action<AddVolume>(plan) != nullptr);
    CHECK(find_action<AddVolume>(plan)->is_made);
  }
  SECTION("a guest without one of its disks is not started") {
    const GuestFacts facts =
        stopped(observing(converged(), [](ObservedGuest& g) { g.configured.disks.pop_back(); }));
    CHECK(power_changes(plan_guest(facts)).empty());
  }
}

TEST_CASE("plan: a disk that somebody else attached is kept", "[plan]") {
  const host::Disk foreign{"scratch", "", "/mnt/scratch.raw", "raw", gibibytes(1)};
  GuestFacts facts = observing(converged(), [&](ObservedGuest& g) {
    g.configured.disks.push_back(foreign);
    g.live->disks.push_back(foreign);
  });
  CHECK(plan_guest(facts).in_sync());
  facts.desired.guest->spec.cpus = 3;
  const GuestPlan plan = plan_guest(facts);
  REQUIRE(find_action<ConfigureGuest>(plan) != nullptr);
  CHECK(find_disk(find_action<ConfigureGuest>(plan)->definition.shape, "scratch") != nullptr);
}

TEST_CASE("plan: configuration changes say what the running guest may learn", "[plan][live]") {
  const auto changed = wanting(converged(), [](GuestSpec& s) {
    s.cpus = 4;
    s.memory = gibibytes(3);
    s.limits.cpu_shares = 512;
  });
  const GuestPlan plan = plan_guest(changed);
  REQUIRE(plan.actions.size() == 1);
  CHECK(plan.actions[0].fields == std::vector<std::string>{"cpus", "memory", "limits"});
  const auto* change = find_action<ConfigureGuest>(plan);
  CHECK(change->definition.shape.cpus == 4);
  CHECK(change->definition.marker.spec_digest == applied_digest(*changed.desired.guest));
  CHECK(change->live.size() == 3);
  CHECK(find_action<ConfigureGuest>(plan_guest(stopped(changed)))->live.empty());
}

TEST_CASE("plan: what was declined while running waits for the next stop", "[plan][live]") {
  GuestFacts facts = observing(converged(), [](ObservedGuest& g) { g.live->cpus = 8; });
  const GuestPlan again = plan_guest(facts);
  REQUIRE(find_action<ConfigureGuest>(again) != nullptr);  // not declined yet: tried
  CHECK(again.actions[0].fields == std::vector<std::string>{"live.cpus"});
  facts.identity->deferred = {deferral_of(LiveCpus{2})};
  const GuestPlan plan = plan_guest(facts);
  CHECK(plan.in_sync());
  CHECK(plan.pending.size() == 1);
  CHECK(condition(plan, "PendingRestart").status == ConditionStatus::yes);
  CHECK(condition(plan, "Ready").status == ConditionStatus::yes);
}

TEST_CASE("plan: a live value that never stays is reported and no longer fought", "[plan][live]") {
  GuestFacts facts =
      observing(converged(), [](ObservedGuest& g) { g.live->memory = gibibytes(1); });
  facts.oscillating = {"live.memory"};
  const GuestPlan plan = plan_guest(facts);
  CHECK(plan.in_sync());
  CHECK(plan.pending.size() == 1);
  CHECK(condition(plan, "Oscillating").status == ConditionStatus::yes);
}

TEST_CASE("plan: interfaces keep their addresses", "[plan]") {
  GuestFacts facts = converged();
  const std::string mac = facts.identity->nics.at(0).mac;
  SECTION("another source is the same interface elsewhere") {
    facts.desired.guest->spec.interfaces[0].source = "br1";
    const auto* change = find_action<ConfigureGuest>(plan_guest(facts));
    const auto plan = plan_guest(facts);
    change = find_action<ConfigureGuest>(plan);
    REQUIRE(change != nullptr);
    REQUIRE(change->definition.shape.nics.size() == 1);
    CHECK(change->definition.shape.nics[0].mac == mac);
    CHECK(change->definition.shape.nics[0].source == "br1");
    CHECK(change->live.empty());  // exchanged at the next stop, not under its feet
    CHECK(plan.pending.size() == 1);
  }
  SECTION("another order is the same interfaces") {
    auto other = facts.desired.guest->spec.interfaces[0];
    other.name = "lan";
    facts.desired.guest->spec.interfaces.insert(facts.desired.guest->spec.interfaces.begin(),
                                                other);
    facts.identity->nics.push_back({"lan", "02:00:00:00:00:09"});
    facts.observed = share(shown(*facts.desired.guest, *facts.identity));
    std::swap(facts.desired.guest->spec.interfaces[0], facts.desired.guest->spec.interfaces[1]);
    // Only the spec's digest changed; it is written down and nothing else.
    const auto plan = plan_guest(facts);
    REQUIRE(plan.actions.size() == 1);
    CHECK(plan.actions[0].field == "spec");
    CHECK(find_action<ConfigureGuest>(plan)->live.empty());
  }
  SECTION("one that is new gets the address that was drawn, and it is remembered") {
    auto other = facts.desired.guest->spec.interfaces[0];
    other.name = "lan";
    facts.desired.guest->spec.interfaces.push_back(other);
    facts.new_macs["lan"] = "02:00:00:00:00:0a";
    const auto plan = plan_guest(facts);
    const auto* change = find_action<ConfigureGuest>(plan);
    REQUIRE(change != nullptr);
    CHECK(find_nic(change->definition.shape, "02:00:00:00:00:0a") != nullptr);
    CHECK(change->identity.find_nic("lan")->mac == "02:00:00:00:00:0a");
  }
  SECTION("one that somebody added is taken away") {
    const auto drifted = observing(facts, [](ObservedGuest& g) {
      g.configured.nics.push_back({"52:54:00:00:00:01", Interface::Kind::network, "default"});
    });
    const auto plan = plan_guest(drifted);
    REQUIRE(find_action<ConfigureGuest>(plan) != nullptr);
    CHECK(find_action<ConfigureGuest>(plan)->definition.shape.nics.size() == 1);
  }
}

TEST_CASE("plan: another bootstrap is another seed file read at the next start", "[plan]") {
  const auto facts =
      wanting(converged(), [](GuestSpec& s) { s.bootstrap.user_data = "#cloud-config\n{}"; });
  const auto plan = plan_guest(facts);
  const auto* change = find_action<ConfigureGuest>(plan);
  REQUIRE(change != nullptr);
  REQUIRE(change->seed);
  CHECK(change->seed->path != facts.observed->configured.seed_path);
  CHECK(change->definition.shape.seed_path == change->seed->path);
  CHECK(change->identity.seeds == std::vector<std::string>{change->seed->path});
  CHECK(plan.pending.size() == 1);
  CHECK(plan_guest(stopped(facts)).pending.empty());
}

TEST_CASE("plan: fields that nothing acts on are written down and said to be so", "[plan]") {
  const std::vector<void (*)(GuestSpec&)> edits{
      [](GuestSpec& s) {
        s.ports.push_back({Protocol::udp, 51820, std::nullopt});
      },
      [](GuestSpec& s) { s.health = Health{}; },
      [](GuestSpec& s) { s.backup_policy = "nightly"; },
  };
  for (const auto edit : edits) {
    const auto facts = wanting(converged(), edit);
    const auto plan = plan_guest(facts);
    REQUIRE(plan.actions.size() == 1);
    CHECK(plan.actions[0].field == "spec");
    CHECK(condition(plan, "Supported").reason == "NotInThisVersion");
    auto after = facts;
    after.observed = share(shown(*facts.desired.guest, *facts.identity));
    CHECK(plan_guest(after).in_sync());
  }
}
