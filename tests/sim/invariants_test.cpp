// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/invariants.hpp"

#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/sim/journal_file.hpp"
#include "tests/sim/permits.hpp"
#include "tests/sim/small_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;
using gate::Verb;

namespace {

// A site with one live guest whose customer has written data.
struct LivedIn : SmallSite {
  PermitMint mint{};
  JournalFile file{};
  std::unique_ptr<Journal> journal{Journal::open(file.options(nullptr), clock).value()};
  Uuid uuid = make_guest("acme");

  LivedIn() {
    REQUIRE(ports.power.start(uuid));
    world.write_customer_data(uuid);
    remember(uuid, "guest/acme", Life::live);
    REQUIRE(broken_at_rest(world, *journal) == Breaches{});
  }
  void remember(const Uuid& whose, const std::string& subject, Life life) {
    Provenance row;
    row.uuid = whose;
    row.subject = subject;
    row.origin = Origin::created;
    row.life = life;
    REQUIRE(journal->commit([&](Writes& writes) { return writes.put(row); }));
  }
  std::string root() { return path_of(uuid, "root"); }
};

bool mentions(const Breaches& breaches, const std::string& words) {
  for (const std::string& breach : breaches) {
    if (breach.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("invariants: data that goes without a signature is a breach", "[sim]") {
  LivedIn site;
  REQUIRE(site.ports.power.power_off(site.uuid));
  REQUIRE(
      site.ports.disks.remove(site.mint.permit(Verb::remove_scratch, site.uuid, {}), site.root()));
  CHECK(mentions(broken_now(site.world), "guest acme disk root: its data is gone"));
}

TEST_CASE("invariants: data that goes with a signature is not", "[sim]") {
  LivedIn site;
  REQUIRE(site.ports.power.power_off(site.uuid));
  const auto remove = [&] {
    return site.ports.disks.remove(site.mint.permit(Verb::free_tombstone, site.uuid, {}),
                                   site.root());
  };
  SECTION("signed") {
    site.world.sign(Verb::destroy_guest, site.uuid, {});
    REQUIRE(remove());
    CHECK(broken_now(site.world) == Breaches{});
  }
  SECTION("signed for another incarnation") {
    site.world.sign(Verb::destroy_guest, site.uuid, {2});
    REQUIRE(remove());
    CHECK(mentions(broken_now(site.world), "without a signature"));
    CHECK(mentions(broken_now(site.world), "its data is gone"));
  }
}

TEST_CASE("invariants: a disk swapped under a guest is a breach", "[sim]") {
  LivedIn site;
  auto swapped = site.definition("acme");
  const std::string empty = swapped.shape.disks.at(0).path;
  swapped.marker.uuid = site.uuid;
  SimDomain& domain = *site.world.domain(site.uuid);
  SECTION("for another one") {
    domain.configured.disks = swapped.shape.disks;
    CHECK(mentions(broken_now(site.world), "replaced by " + empty));
  }
  SECTION("for none") {
    domain.configured.disks.clear();
    CHECK(mentions(broken_now(site.world), "taken away"));
  }
  SECTION("which no definition does") {
    CHECK(site.ports.hypervisor.define(swapped).error().code() == Errc::denied);
    CHECK(broken_now(site.world) == Breaches{});
  }
  SECTION("unless other hands did it") {
    site.host.drift(site.uuid, [](SimDomain& theirs) { theirs.configured.disks.clear(); });
    CHECK(broken_now(site.world) == Breaches{});
  }
}

TEST_CASE("invariants: a disk that became smaller is a breach", "[sim]") {
  LivedIn site;
  site.world.files.at(site.root()).size = gibibytes(1);
  CHECK(mentions(broken_now(site.world), "cut off"));
}

TEST_CASE("invariants: touching a foreign guest is a breach", "[sim]") {
  LivedIn site;
  const Uuid stranger = site.host.plant_foreign_domain("stranger");
  CHECK(site.ports.power.power_off(stranger).error().code() == Errc::conflict);
  CHECK(site.world.domain(stranger)->is_up());
  CHECK(mentions(broken_now(site.world), "power_off on foreign guest stranger"));
}

TEST_CASE("invariants: two changes of one guest at a time are a breach", "[sim]") {
  LivedIn site;
  host::Transfer transfer;
  transfer.on_progress = [&](const host::Progress&) {
    static_cast<void>(site.ports.power.start(site.uuid));
  };
  REQUIRE(site.ports.disks.restore(SmallSite::image, "root", site.path_of(site.uuid, "copy"),
                                   transfer));
  CHECK(mentions(broken_now(site.world), "while another change of it was running"));
}

TEST_CASE("invariants: a guest that exists twice is a breach", "[sim]") {
  LivedIn site;
  auto twin = site.definition("acme");
  twin.name = "acme-again";
  site.make_guest(twin);
  CHECK(mentions(broken_now(site.world), "guest acme exists twice"));
  site.world.domain(twin.marker.uuid)->marker->provenance = "tombstone";
  CHECK(broken_now(site.world) == Breaches{});
}

TEST_CASE("invariants: what the journal does not know is a leak at rest", "[sim]") {
  LivedIn site;
  const Uuid unknown = Uuid::random(site.random);
  SECTION("a domain") {
    site.make_guest("beta");
    CHECK(mentions(broken_at_rest(site.world, *site.journal), "domain beta is not in the journal"));
  }
  SECTION("a disk") {
    REQUIRE(site.ports.disks.create_blank(site.path_of(unknown, "root"), gibibytes(1)));
    CHECK(mentions(broken_at_rest(site.world, *site.journal), "belongs to a guest that is not"));
  }
  SECTION("a disk of a known guest that nobody uses") {
    REQUIRE(site.ports.disks.create_blank(site.path_of(site.uuid, "db"), gibibytes(1)));
    CHECK(mentions(broken_at_rest(site.world, *site.journal), "used by nobody"));
  }
  SECTION("a half-written file") {
    site.host.crash().arm(2);
    CHECK_THROWS_AS(
        site.ports.disks.restore(SmallSite::image, "root", site.path_of(site.uuid, "copy"), {}),
        SimulatedCrash);
    CHECK(mentions(broken_at_rest(site.world, *site.journal), "half-written"));
  }
  SECTION("an operation") {
    REQUIRE(site.journal->begin("guest.configure", "guest/acme", "{}"));
    CHECK(mentions(broken_at_rest(site.world, *site.journal), "guest.configure of guest/acme"));
  }
}

TEST_CASE("invariants: a snapshot's layers and safety copies are in use", "[sim]") {
  LivedIn site;
  REQUIRE(site.ports.snapshots.create(site.uuid, "before"));
  CHECK(broken_at_rest(site.world, *site.journal) == Breaches{});
  site.world.write_customer_data(site.uuid);
  REQUIRE(site.ports.power.power_off(site.uuid));
  REQUIRE(site.ports.snapshots.roll_back(site.mint.permit(Verb::roll_back_snapshot, site.uuid, {}),
                                         site.uuid, "before"));
  CHECK(mentions(broken_at_rest(site.world, *site.journal), "has no permit in the audit chain"));
  site.world.destroyed.clear();
  CHECK(broken_at_rest(site.world, *site.journal) == Breaches{});
}

TEST_CASE("invariants: each destructive call needs a permit in the audit chain", "[sim]") {
  LivedIn site;
  const Uuid fresh = site.make_guest("beta");
  const OperationId op = site.journal->begin("guest.create", "guest/beta", "{}").value().id;
  gate::Gate gate{*site.journal, site.clock, site.random};
  gate::Facts facts;
  facts.verb = Verb::remove_unfinished;
  facts.requester = gate::Requester::operation;
  facts.subject = "guest/beta";
  facts.uuid = fresh;
  facts.operation = op;
  facts.marker = gate::MarkerState::matches;
  Provenance row;
  row.uuid = fresh;
  row.subject = facts.subject;
  row.origin = Origin::created;
  row.created_by = op;
  facts.provenance = row;
  const auto permit = [&] { return std::get<gate::Permit>(gate.ask(facts, {}).value()); };
  REQUIRE(site.ports.hypervisor.undefine(permit(), fresh));
  CHECK(broken_in_journal(site.world, *site.journal) == Breaches{});
  site.world.destroyed.push_back(site.world.destroyed.back());
  CHECK(mentions(broken_in_journal(site.world, *site.journal), "has no permit"));
}

TEST_CASE("invariants: a restart by us is a breach and one by others is not", "[sim]") {
  LivedIn site;
  const SimWorld before = site.world;
  site.host.crash_guest(site.uuid);
  REQUIRE(site.ports.power.start(site.uuid));
  CHECK(restarted_by_us(before, site.world) == Breaches{});
  REQUIRE(site.ports.power.power_off(site.uuid));
  REQUIRE(site.ports.power.start(site.uuid));
  CHECK(mentions(restarted_by_us(before, site.world), "acme was running and was stopped 1"));
}

TEST_CASE("invariants: a watch says each breach once", "[sim]") {
  LivedIn site;
  InvariantWatch watch{site.world};
  CHECK(watch.look() == Breaches{});
  const Uuid stranger = site.host.plant_foreign_domain("stranger");
  static_cast<void>(site.ports.power.suspend(stranger));
  CHECK(watch.look().size() == 1);
  static_cast<void>(site.ports.power.resume(site.uuid));
  CHECK(watch.look() == Breaches{});
}
