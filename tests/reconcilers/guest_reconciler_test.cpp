// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_reconciler.hpp"

#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/reconcilers/guest_site.hpp"
#include "tests/sim/invariants.hpp"

using namespace holdfast;
using namespace holdfast::test;
using host::PowerState;

namespace {

// Writes and calls with effects so far: a quiet pass adds none.
std::size_t effects(const GuestSite& site) {
  return site.world.calls.size() + static_cast<std::size_t>(site.world.version);
}

void check_sound(GuestSite& site) {
  CHECK(sim::broken_now(site.world) == sim::Breaches{});
  CHECK(sim::broken_in_journal(site.world, *site.journal) == sim::Breaches{});
}

}  // namespace

TEST_CASE("guest: is born with its disks and addresses and runs", "[guest]") {
  GuestSite site;
  site.want(small("acme"));
  const sim::SimDomain& domain = site.domain("acme");
  CHECK(domain.power == PowerState::running);
  CHECK(domain.configured.cpus == 2);
  REQUIRE(domain.configured.disks.size() == 2);
  CHECK(site.world.files.at(domain.configured.disks[0].path).size == gibibytes(16));
  CHECK(site.world.files.at(domain.configured.disks[1].path).size == gibibytes(10));
  CHECK(domain.configured.nics.at(0).mac.substr(0, 3) == "02:");
  CHECK(domain.boots == 1);
  const auto row = site.journal->owner_of("guest/acme").value();
  REQUIRE(row);
  CHECK(row->life == Life::live);
  CHECK(row->data_bearing);
  CHECK(site.condition("acme", "Ready").status == ConditionStatus::yes);
  CHECK(site.guests.plan("acme").value().in_sync());
  CHECK(site.is_in_sync());
  check_sound(site);
  CHECK(sim::broken_at_rest(site.world, *site.journal) == sim::Breaches{});
}

TEST_CASE("guest: a pass with nothing to do asks once and writes nothing", "[guest]") {
  GuestSite site;
  site.want(small("acme"));
  const auto before = effects(site);
  const auto since = site.world.counts;
  site.clock.advance(std::chrono::hours{1});
  const auto age = site.journal->since_last_commit();
  REQUIRE(site.guests.reconcile("acme"));
  CHECK(effects(site) == before);
  CHECK(site.journal->since_last_commit() == age);
  std::uint64_t calls = 0;
  for (std::size_t i = 0; i < since.size(); ++i) calls += site.world.counts[i] - since[i];
  CHECK(calls == 1);
}

TEST_CASE("guest: one bulk observation is enough to see that nothing is to do", "[guest]") {
  GuestSite site;
  for (const char* name : {"acme", "bolt", "core"}) site.want(small(name));
  site.settle("acme");  // each want() was a new generation for all
  site.settle("bolt");
  const auto inventory = site.host.ports().inventory.observe_all().value();
  const auto since = site.world.counts;
  CHECK(site.guests.out_of_sync(inventory).value().guests.empty());
  CHECK(site.world.counts == since);
  site.host.stop_by_hand(site.domain("bolt").uuid);
  const auto changed = site.host.ports().inventory.observe_all().value();
  CHECK(site.guests.out_of_sync(changed).value().guests == std::vector<std::string>{"bolt"});
}

TEST_CASE("guest: before any desired state nothing is done", "[guest]") {
  GuestSite site;
  REQUIRE(site.guests.reconcile("acme"));
  CHECK(site.world.domains.empty());
  CHECK_FALSE(site.guests.plan("acme"));
}

TEST_CASE("guest: every field changed and changed back ends in sync", "[guest][fields]") {
  struct Case {
    const char* field = "";
    void (*edit)(GuestSpec&) = nullptr;
    bool can_go_back = true;
  };
  const std::vector<Case> cases{
      {"power stopped", [](GuestSpec& s) { s.power = Power::stopped; }},
      {"power suspended", [](GuestSpec& s) { s.power = Power::suspended; }},
      {"cpus up", [](GuestSpec& s) { s.cpus = 4; }},
      {"cpus down", [](GuestSpec& s) { s.cpus = 1; }},
      {"memory up", [](GuestSpec& s) { s.memory = gibibytes(4); }},
      {"memory down", [](GuestSpec& s) { s.memory = gibibytes(1); }},
      {"root size", [](GuestSpec& s) { s.root_disk.size = gibibytes(20); }, false},
      {"volume size", [](GuestSpec& s) { s.volumes[0].size = gibibytes(12); }, false},
      {"volume class", [](GuestSpec& s) { s.volumes[0].cls = VolumeClass::bulk; }},
      {"volume backup", [](GuestSpec& s) { s.volumes[0].backup = VolumeBackup::none; }},
      {"interface source", [](GuestSpec& s) { s.interfaces[0].source = "br1"; }},
      {"interface kind", [](GuestSpec& s) { s.interfaces[0].kind = Interface::Kind::network; }},
      {"interface model", [](GuestSpec& s) { s.interfaces[0].model = "e1000"; }},
      {"interface added",
       [](GuestSpec& s) {
         s.interfaces.push_back({"lan", Interface::Kind::network, "default"});
       }},
      {"interface removed", [](GuestSpec& s) { s.interfaces.clear(); }},
      {"ports",
       [](GuestSpec& s) {
         s.ports.push_back({Protocol::udp, 51820, 2000});
       }},
      {"cpu shares", [](GuestSpec& s) { s.limits.cpu_shares = 512; }},
      {"read limit", [](GuestSpec& s) { s.limits.io_read_bps = mebibytes(100); }},
      {"write limit", [](GuestSpec& s) { s.limits.io_write_bps = mebibytes(100); }},
      {"user data", [](GuestSpec& s) { s.bootstrap.user_data = "#cloud-config\nx: 1\n"; }},
      {"network config", [](GuestSpec& s) { s.bootstrap.network_config = "{}"; }},
      {"health", [](GuestSpec& s) { s.health = Health{}; }},
      {"backup", [](GuestSpec& s) { s.backup_policy = "nightly"; }},
      {"stop timeout", [](GuestSpec& s) { s.stop_timeout = std::chrono::seconds{5}; }},
  };
  for (const Case& c : cases) {
    DYNAMIC_SECTION(c.field) {
      GuestSite site;
      const Guest before = small("acme");
      site.want(before);
      const Uuid uuid = site.domain("acme").uuid;
      const std::string mac = site.domain("acme").configured.nics.at(0).mac;
      Guest after = before;
      c.edit(after.spec);
      site.want(after);
      CHECK(site.guests.plan("acme").value().in_sync());
      CHECK(site.is_in_sync());
      site.want(before);
      CHECK(site.domain("acme").uuid == uuid);
      if (c.can_go_back) {
        CHECK(site.guests.plan("acme").value().in_sync());
        CHECK(site.domain("acme").configured.nics.at(0).mac == mac);
      } else {
        CHECK(site.condition("acme", "Blocked").status == ConditionStatus::yes);
        CHECK(site.journal->open_tickets().value().size() == 1);
        site.want(after);
        CHECK(site.guests.plan("acme").value().in_sync());
        CHECK(site.journal->open_tickets().value().empty());
      }
      CHECK(site.is_in_sync());
      check_sound(site);
    }
  }
}

TEST_CASE("guest: changes reach the running guest without a reboot", "[guest][live]") {
  GuestSite site;
  Guest guest = small("acme");
  site.want(guest);
  const auto pid = site.domain("acme").pid;
  guest.spec.cpus = 4;
  guest.spec.limits.cpu_shares = 100;
  guest.spec.root_disk.size = gibibytes(24);
  Volume media;
  media.name = "media";
  media.size = gibibytes(5);
  guest.spec.volumes.push_back(media);
  guest.spec.interfaces.push_back({"lan", Interface::Kind::network, "default"});
  site.want(guest);
  const sim::SimDomain& domain = site.domain("acme");
  CHECK(domain.pid == pid);
  REQUIRE(domain.live);
  CHECK(domain.live->cpus == 4);
  CHECK(domain.live->disks.size() == 3);
  CHECK(domain.live->nics.size() == 2);
  CHECK(find_disk(*domain.live, "root")->size == gibibytes(24));
  CHECK(domain.configured.disks.size() == 3);
  CHECK(site.condition("acme", "PendingRestart").status == ConditionStatus::no);
  CHECK(site.guests.plan("acme").value().in_sync());
  check_sound(site);
}

TEST_CASE("guest: what cannot change while it runs waits for its next stop", "[guest][live]") {
  GuestSite site;
  Guest guest = small("acme");
  site.want(guest);
  const auto pid = site.domain("acme").pid;
  guest.spec.cpus = 1;  // processors cannot be taken back
  site.want(guest);
  CHECK(site.domain("acme").pid == pid);
  CHECK(site.domain("acme").configured.cpus == 1);
  CHECK(site.domain("acme").live->cpus == 2);
  CHECK(site.condition("acme", "PendingRestart").status == ConditionStatus::yes);
  const auto before = effects(site);
  site.settle("acme");
  CHECK(effects(site) == before);
  site.host.stop_by_hand(site.domain("acme").uuid);
  site.settle("acme");
  CHECK(site.domain("acme").live->cpus == 1);
  CHECK(site.condition("acme", "PendingRestart").status == ConditionStatus::no);
}

TEST_CASE("guest: drift is corrected and a fight is reported", "[guest][drift]") {
  GuestSite site;
  site.want(small("acme"));
  const Uuid uuid = site.domain("acme").uuid;
  for (int i = 0; i < 3; ++i) {
    site.host.drift(uuid, [](sim::SimDomain& d) { d.configured.memory = gibibytes(1); });
    site.settle("acme");
    CHECK(site.domain("acme").configured.memory == gibibytes(2));
  }
  CHECK(site.condition("acme", "Oscillating").status == ConditionStatus::yes);
  site.clock.advance(std::chrono::hours{25});
  site.settle("acme");
  CHECK(site.condition("acme", "Oscillating").status == ConditionStatus::no);
}

TEST_CASE("guest: edits of the spec are no corrections", "[guest][drift]") {
  GuestSite site;
  Guest guest = small("acme");
  site.want(guest);
  for (std::uint32_t cpus = 3; cpus < 9; ++cpus) {
    guest.spec.cpus = cpus;
    site.want(guest);
  }
  CHECK(site.condition("acme", "Oscillating").status == ConditionStatus::no);
}

TEST_CASE("guest: a guest that does not stop when asked is cut off in the end", "[guest][power]") {
  GuestSite site;
  Guest guest = small("acme");
  guest.spec.stop_timeout = std::chrono::seconds{20};
  site.want(guest);
  site.domain("acme").on_stop.ignores = true;
  const Time asked = site.clock.now();
  guest.spec.power = Power::stopped;
  site.want(guest);
  CHECK(site.domain("acme").power == PowerState::stopped);
  CHECK(site.clock.now() - asked >= std::chrono::seconds{20});
  CHECK(site.clock.now() - asked < std::chrono::seconds{40});
  guest.spec.power = Power::running;
  site.want(guest);
  CHECK(site.domain("acme").power == PowerState::running);
}

TEST_CASE("guest: a provider that is away means unknown and nothing is done", "[guest]") {
  GuestSite site;
  Guest guest = small("acme");
  site.want(guest);
  guest.spec.cpus = 4;
  site.desk.want(guest);
  site.host.restart_provider(std::chrono::hours{9});
  for (int i = 0; i < 60; ++i) {
    CHECK_FALSE(site.guests.reconcile("acme"));
    site.clock.advance(std::chrono::minutes{5});
  }
  CHECK(site.condition("acme", "Observed").status == ConditionStatus::unknown);
  site.host.bring_provider_back();
  site.settle("acme");
  CHECK(site.domain("acme").configured.cpus == 4);
  CHECK(site.condition("acme", "Observed").status == ConditionStatus::yes);
}

TEST_CASE("guest: a live change that fails keeps no edit waiting that mends it", "[guest]") {
  GuestSite site;
  site.want(small("acme"));
  const std::size_t before = site.domain("acme").live->nics.size();
  // As attaching to a network that nobody defined does, however often it is asked.
  site.host.faults().script({sim::FaultKind::unavailable, sim::Call::attach_nic, 0, 1'000});
  Guest more = small("acme");
  more.spec.interfaces.push_back(
      {.name = "lan", .kind = Interface::Kind::network, .source = "nope"});
  site.desk.want(more);
  CHECK(site.guests.reconcile("acme").error().code() == Errc::unavailable);
  CHECK(site.condition("acme", "Ready").reason == "Failed");
  CHECK(site.journal->unfinished().value().empty());
  site.want(small("acme"));
  CHECK(site.domain("acme").live->nics.size() == before);
  CHECK(site.guests.plan("acme").value().in_sync());
}

TEST_CASE("guest: an operation waits out a provider that is away for hours", "[guest]") {
  GuestSite site;
  site.desk.want(small("acme"));
  site.host.faults().script({sim::FaultKind::unavailable, sim::Call::define, 0, 1});
  CHECK_FALSE(site.guests.reconcile("acme"));
  site.host.restart_provider(std::chrono::hours{9});
  for (int i = 0; i < 60; ++i) {
    CHECK_FALSE(site.guests.reconcile("acme"));
    site.clock.advance(std::chrono::minutes{5});
  }
  site.host.bring_provider_back();
  site.settle("acme");
  CHECK(site.domain("acme").power == PowerState::running);
  CHECK(site.world.domains.size() == 1);
}

TEST_CASE("guest: a foreign guest of that name is left alone and so is the name", "[guest]") {
  GuestSite site;
  const Uuid foreign = site.host.plant_foreign_domain("acme");
  site.want(small("acme"));
  CHECK(site.world.domains.size() == 1);
  CHECK(site.condition("acme", "Blocked").reason == "NameTaken");
  CHECK(site.world.domain(foreign)->power == PowerState::running);
  check_sound(site);
}

TEST_CASE("guest: a guest no longer wanted keeps running and its destruction is a ticket",
          "[guest][gate]") {
  GuestSite site;
  site.want(small("acme"));
  const auto before = site.world.calls.size();
  site.desk.drop("acme");
  site.settle("acme");
  CHECK(site.domain("acme").power == PowerState::running);
  CHECK(site.world.calls.size() == before);
  const auto tickets = site.journal->open_tickets().value();
  REQUIRE(tickets.size() == 1);
  CHECK(tickets[0].subject == "guest/acme");
  CHECK(tickets[0].effects.find("/") != std::string::npos);
  CHECK(site.condition("acme", "Blocked").reason == "NeedsSignature");
  const auto plan = site.guests.plan("acme").value();
  REQUIRE(plan.actions.size() == 1);
  CHECK(plan.actions[0].rule == "NeedsSignature");
  CHECK(plan.actions[0].ticket == tickets[0].id);
  CHECK(site.is_in_sync());  // as far as a pass could help

  const auto why = site.guests.why("acme").value();
  REQUIRE_FALSE(why.empty());
  CHECK(why[0].find(tickets[0].id) != std::string::npos);

  site.want(small("acme"));
  CHECK(site.journal->open_tickets().value().empty());
  CHECK(site.guests.why("acme").value() ==
        std::vector<std::string>{"Guest acme is as it is wanted."});
}

TEST_CASE("guest: a definition that somebody removed comes back with its data", "[guest]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity identity = site.identity("acme");
  site.world.write_customer_data(identity.uuid);
  site.host.remove_by_hand(identity.uuid);
  CHECK(site.world.domain(identity.uuid) == nullptr);
  site.settle("acme");
  const sim::SimDomain& domain = site.domain("acme");
  CHECK(domain.uuid == identity.uuid);
  CHECK(domain.power == PowerState::running);
  CHECK(site.world.lost_customer_data().empty());
  CHECK(site.guests.plan("acme").value().in_sync());

  SECTION("and is not made anew when a disk is gone with it") {
    site.host.remove_by_hand(identity.uuid);
    site.world.files.erase(identity.disks.at(1).active);
    site.settle("acme");
    CHECK(site.world.domains.empty());
    CHECK(site.condition("acme", "Blocked").reason == "DiskMissing");
    CHECK(site.condition("acme", "Missing").status == ConditionStatus::yes);
  }
}

TEST_CASE("guest: a full disk gives back what was begun and tries again", "[guest]") {
  GuestSite site;
  site.world.targets.at("local").is_full = true;
  site.desk.want(small("acme"));
  const auto first = site.guests.reconcile("acme");
  REQUIRE_FALSE(first);
  CHECK(first.error().code() == Errc::exhausted);
  CHECK(site.world.files.empty());
  CHECK(site.world.domains.empty());
  CHECK(site.condition("acme", "Ready").reason == "Failed");
  site.world.targets.at("local").is_full = false;
  site.settle("acme");
  CHECK(site.domain("acme").power == PowerState::running);
  check_sound(site);
}

TEST_CASE("guest: a signed destruction is a tombstone that can be undone", "[guest][tombstone]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity identity = site.identity("acme");
  site.world.write_customer_data(identity.uuid);
  CHECK_FALSE(site.guests.begin_destroy("acme", std::nullopt));
  CHECK(site.domain("acme").power == PowerState::running);
  site.desk.drop("acme");
  site.settle("acme");

  const auto authority = site.sign(gate::Verb::destroy_guest, identity);
  REQUIRE(site.guests.begin_destroy("acme", authority));
  site.settle("acme");
  const sim::SimDomain* stone = site.world.domain(identity.uuid);
  REQUIRE(stone != nullptr);
  CHECK(stone->name == tombstone_name(identity));
  CHECK(stone->power == PowerState::stopped);
  CHECK(stone->configured.nics.empty());
  CHECK(stone->configured.disks.size() == 2);
  CHECK(site.journal->provenance(identity.uuid).value()->life == Life::tombstone);
  CHECK(site.journal->open_tickets().value().empty());
  CHECK(site.guests.why("acme").value() ==
        std::vector<std::string>{"It was destroyed on a signed order. Its disks are kept until " +
                                 to_string(site.clock.now() + tombstone_keep) +
                                 ", then removed for good; 'holdfast undelete acme' brings it back "
                                 "until then."});

  SECTION("undeleted") {
    REQUIRE(site.guests.begin_undelete("acme"));
    site.desk.want(small("acme"));
    site.settle("acme");
    const sim::SimDomain& back = site.domain("acme");
    CHECK(back.uuid == identity.uuid);
    CHECK(back.power == PowerState::running);
    CHECK(back.configured.nics.size() == 1);
    CHECK(site.guests.plan("acme").value().in_sync());
    CHECK(site.world.lost_customer_data().empty());
  }
  SECTION("freed after seven days") {
    site.clock.advance(std::chrono::hours{6 * 24});
    site.settle("acme");
    CHECK(site.world.files.size() == 3);
    site.clock.advance(std::chrono::hours{25});
    site.settle("acme");
    CHECK(site.world.files.empty());
    CHECK(site.world.domains.empty());
    CHECK(site.journal->provenance(identity.uuid).value()->life == Life::gone);
  }
  SECTION("a successor of that name is another guest") {
    site.want(small("acme"));
    CHECK(site.domain("acme").uuid != identity.uuid);
    CHECK_FALSE(site.guests.begin_undelete("acme"));
  }
  check_sound(site);
}

TEST_CASE("guest: destroyed while it is wanted, it is not made anew when its days are over",
          "[guest][tombstone]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity identity = site.identity("acme");
  const auto authority = site.sign(gate::Verb::destroy_guest, identity);
  REQUIRE(site.guests.begin_destroy("acme", authority));
  site.settle("acme");
  CHECK(site.condition("acme", "Ready").reason == "Destroyed");
  site.clock.advance(std::chrono::hours{8 * 24});
  site.settle("acme");
  CHECK(site.journal->provenance(identity.uuid).value()->life == Life::gone);
  CHECK(site.world.domains.empty());
  CHECK(site.condition("acme", "Ready").reason == "Destroyed");
  auto other = small("acme");
  other.spec.memory = mebibytes(256);
  site.want(other);
  CHECK(site.domain("acme").uuid != identity.uuid);
  check_sound(site);
}

TEST_CASE("guest: a destruction whose signature ran out is taken back", "[guest][tombstone]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity identity = site.identity("acme");
  site.domain("acme").on_stop.takes = std::chrono::seconds{50};
  const auto authority = site.sign(gate::Verb::destroy_guest, identity);
  REQUIRE(site.guests.begin_destroy("acme", authority));
  REQUIRE(site.guests.reconcile("acme"));  // it is stopping now
  site.host.advance(std::chrono::hours{25});
  site.settle("acme");
  const sim::SimDomain& domain = site.domain("acme");
  CHECK(domain.power == PowerState::running);
  CHECK(domain.configured.nics.size() == 1);
  CHECK(site.journal->provenance(identity.uuid).value()->life == Life::live);
}

TEST_CASE("guest: snapshots are taken and the disks they move to remembered", "[guest][snapshot]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity born = site.identity("acme");
  site.world.write_customer_data(born.uuid);
  for (const std::string& bad : {std::string{}, std::string{"two words"}, std::string{".hidden"},
                                 std::string{"a/b"}, std::string(65, 'a')})
    CHECK(site.guests.begin_snapshot("acme", bad).error().code() == Errc::invalid);
  REQUIRE(site.guests.begin_snapshot("acme", "before"));
  CHECK_FALSE(site.guests.begin_snapshot("acme", "other"));  // one at a time
  site.settle("acme");
  const GuestIdentity now = site.identity("acme");
  CHECK(now.disks.at(0).active == site.domain("acme").configured.disks.at(0).path);
  CHECK(now.disks.at(0).active != born.disks.at(0).active);
  CHECK_FALSE(site.guests.begin_snapshot("acme", "before"));
  CHECK(site.guests.plan("acme").value().in_sync());

  // A change afterwards must not put it back on the file below.
  Guest guest = small("acme");
  guest.spec.cpus = 4;
  site.want(guest);
  CHECK(site.domain("acme").configured.disks.at(0).path == now.disks.at(0).active);

  CHECK_FALSE(site.guests.begin_roll_back("acme", "before", std::nullopt));
  CHECK_FALSE(site.guests.begin_remove_snapshot("acme", "before", std::nullopt));
  const auto authority = site.sign(gate::Verb::roll_back_snapshot, born, "before");
  REQUIRE(site.guests.begin_roll_back("acme", "before", authority));
  site.settle("acme");
  CHECK(site.domain("acme").power == PowerState::running);
  CHECK(site.domain("acme").configured.disks.at(0).path != now.disks.at(0).active);
  CHECK(site.guests.plan("acme").value().in_sync());
  check_sound(site);
}

TEST_CASE("guest: a lost journal is rebuilt from the markers", "[guest][recover]") {
  GuestSite site;
  site.want(small("acme"));
  const GuestIdentity identity = site.identity("acme");
  const auto boots = site.domain("acme").boots;

  const auto journal = GuestSite::open(site.clock);
  gate::Gate gate{*journal, site.clock, site.random};
  GuestReconciler heir{GuestWorld{*journal, gate, site.host.ports(), site.clock, site.random,
                                  site.desk, site.signatures, host_id, "libvirt", Logger{},
                                  ProgressSink{}, std::stop_token{}}};
  REQUIRE(heir.reconcile("acme"));
  CHECK(site.world.domains.size() == 1);
  bool needs_recovery = false;
  for (const auto& c : journal->conditions("guest/acme").value())
    needs_recovery = needs_recovery || c.reason == "NeedsRecovery";
  CHECK(needs_recovery);

  const Recovery recovery = heir.plan_recovery().value();
  REQUIRE(recovery.rows.size() == 1);
  CHECK(recovery.sentences.size() == 1);
  CHECK(recovery.claimed == std::set<std::string>{"acme"});
  REQUIRE(heir.apply(recovery));
  REQUIRE(heir.reconcile("acme"));
  CHECK(heir.plan("acme").value().in_sync());
  CHECK(site.domain("acme").boots == boots);
  CHECK(parse_identity(journal->owner_of("guest/acme").value()->detail).value() == identity);
  CHECK(heir.plan_recovery().value().rows.empty());
}

TEST_CASE("guest: a stop request parks a restore and the next start takes it up", "[guest]") {
  GuestSite site;
  site.desk.want(small("acme"));
  site.stopping.request_stop();
  REQUIRE(site.guests.reconcile("acme"));
  CHECK(site.world.domains.empty());
}
