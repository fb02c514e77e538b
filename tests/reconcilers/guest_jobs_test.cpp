// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/executed_jobs.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "tests/reconcilers/guest_site.hpp"
#include "tests/sim/invariants.hpp"

using namespace holdfast;
using namespace holdfast::test;
using gate::Verb;
using host::PowerState;

namespace {

const Duration day = std::chrono::hours{24};

// Guest acme, running, with data of its customer on it.
struct JobSite : GuestSite {
  GuestIdentity born{};

  JobSite() {
    want(small("acme"));
    born = identity("acme");
    world.write_customer_data(born.uuid);
  }
  gate::Authority order(Verb verb, const std::string& object = {}) {
    const auto authority = sign(verb, identity_of(born.uuid), object);
    give(authority, "acme");
    return authority;
  }
  GuestIdentity identity_of(const Uuid& uuid) {
    return parse_identity(journal->provenance(uuid).value()->detail).value();
  }
  const sim::SimDomain& guest() { return *world.domain(born.uuid); }
  Life life() { return journal->provenance(born.uuid).value()->life; }
  void check_sound() {
    CHECK(sim::broken_now(world) == sim::Breaches{});
    CHECK(sim::broken_in_journal(world, *journal) == sim::Breaches{});
  }
};

bool names(const host::Marker& marker, const gate::Authority& authority) {
  return was_executed(marker, authority.job_id());
}

}  // namespace

TEST_CASE_METHOD(JobSite, "job: an accepted destruction is carried out at the next pass", "[job]") {
  const auto authority = order(Verb::destroy_guest);
  CHECK_FALSE(is_in_sync());
  settle("acme");
  CHECK(life() == Life::tombstone);
  CHECK(guest().power == PowerState::stopped);
  const JobRecord done = job(authority);
  CHECK(done.state == JobState::done);
  CHECK(journal->operation(done.operation).value().state == OperationState::succeeded);
  CHECK(names(*guest().marker, authority));
  CHECK(guest().marker->last_job == authority.job_id());
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: it goes before what desired state wants", "[job]") {
  Guest bigger = small("acme");
  bigger.spec.cpus = 4;
  desk.want(bigger);
  order(Verb::destroy_guest);
  settle("acme");
  CHECK(life() == Life::tombstone);
  CHECK(guest().configured.cpus != 4);
}

TEST_CASE_METHOD(JobSite, "job: those of one guest take their turns in the order of arrival",
                 "[job]") {
  const auto first = order(Verb::destroy_guest);
  const auto second = order(Verb::undelete_guest);
  settle("acme");
  CHECK(job(first).state == JobState::done);
  CHECK(job(second).state == JobState::done);
  CHECK(life() == Life::live);
  CHECK(guest().power == PowerState::running);
  CHECK(guest().configured.nics.size() == 1);
  CHECK(names(*guest().marker, first));
  CHECK(names(*guest().marker, second));
  CHECK(guests.plan("acme").value().in_sync());
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: what the gate refuses ends with the gate's code", "[job]") {
  gate::SignedOrder wrong;
  wrong.job_id = std::string(32, 'a');
  wrong.verb = Verb::destroy_guest;
  wrong.uuid = born.uuid;
  wrong.incarnation = Incarnation{7};
  wrong.expires = clock.now() + day;
  SECTION("another incarnation") {}
  SECTION("the guest has changed since") {
    wrong.incarnation = born.incarnation;
    wrong.fingerprint = "sha256:" + std::string(64, '0');
  }
  const auto authority = gate::AuthorityIssuer::issue(wrong);
  signatures.add(authority);
  give(authority, "acme");
  settle("acme");
  const JobRecord refused = job(authority);
  CHECK(refused.state == JobState::refused);
  CHECK(refused.code ==
        (wrong.fingerprint.empty() ? "SignedOtherIncarnation" : "StaleFingerprint"));
  CHECK_FALSE(refused.message.empty());
  CHECK(life() == Life::live);
  CHECK(guest().power == PowerState::running);
  CHECK_FALSE(names(*guest().marker, authority));
  const auto why = guests.why("acme").value();
  CHECK(why.back().find(refused.code) != std::string::npos);
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: one that speaks of another guest than it came for is refused",
                 "[job]") {
  want(small("beta"));
  const auto authority = sign(Verb::destroy_guest, identity("beta"));
  give(authority, "acme");
  settle("acme");
  CHECK(job(authority).code == "SignedOtherGuest");
  CHECK(domain("beta").power == PowerState::running);
  CHECK(life() == Life::live);
}

TEST_CASE_METHOD(JobSite, "job: one that expires while it waits is refused", "[job]") {
  const auto authority = order(Verb::destroy_guest);
  clock.advance(day);
  settle("acme");
  CHECK(job(authority).state == JobState::refused);
  CHECK(job(authority).code == "Expired");
  CHECK(life() == Life::live);
  CHECK(guest().stops_by_us == 0);
}

TEST_CASE_METHOD(JobSite, "job: one that expires half-way is taken back and ends refused",
                 "[job]") {
  world.domain(born.uuid)->on_stop.takes = std::chrono::seconds{50};
  const auto authority = order(Verb::destroy_guest);
  REQUIRE(guests.reconcile("acme"));  // it is stopping now
  CHECK(job(authority).state == JobState::running);
  host.advance(day);
  settle("acme");
  CHECK(job(authority).state == JobState::refused);
  CHECK(job(authority).code == "Expired");
  CHECK(life() == Life::live);
  CHECK(guest().power == PowerState::running);
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: one whose signature is not accepted any more is refused", "[job]") {
  gate::SignedOrder unknown;
  unknown.job_id = std::string(32, 'b');
  unknown.uuid = born.uuid;
  unknown.expires = clock.now() + day;
  const auto authority = gate::AuthorityIssuer::issue(unknown);
  give(authority, "acme");
  settle("acme");
  CHECK(job(authority).code == "NotVerified");
  CHECK(life() == Life::live);
}

TEST_CASE_METHOD(JobSite, "job: it waits while the provider is away", "[job]") {
  const auto authority = order(Verb::destroy_guest);
  host.restart_provider(std::chrono::seconds{30});
  CHECK_FALSE(guests.reconcile("acme"));
  CHECK(job(authority).state == JobState::accepted);
  host.advance(std::chrono::minutes{1});
  settle("acme");
  CHECK(job(authority).state == JobState::done);
}

TEST_CASE_METHOD(JobSite, "job: a roll-back and the removal of a snapshot are carried out",
                 "[job][snapshot]") {
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  const auto unknown = order(Verb::roll_back_snapshot, "never");
  const auto back = order(Verb::roll_back_snapshot, "before");
  settle("acme");
  CHECK(job(unknown).code == "NoSnapshot");
  CHECK(job(back).state == JobState::done);
  CHECK(guest().power == PowerState::running);
  const auto removed = order(Verb::remove_snapshot, "before");
  settle("acme");
  CHECK(job(removed).state == JobState::done);
  CHECK(guest().snapshots.empty());
  CHECK(names(*guest().marker, removed));
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: a tombstone is freed early on a signature", "[job][tombstone]") {
  desk.drop("acme");
  order(Verb::destroy_guest);
  settle("acme");
  const auto authority = order(Verb::free_tombstone);
  settle("acme");
  CHECK(job(authority).state == JobState::done);
  CHECK(life() == Life::gone);
  CHECK(world.files.empty());
  check_sound();
}

TEST_CASE_METHOD(JobSite, "job: undeleting a guest whose name was taken since is refused",
                 "[job][tombstone]") {
  order(Verb::destroy_guest);
  settle("acme");
  Guest other = small("acme");
  other.spec.cpus = 4;
  want(other);
  const auto authority = order(Verb::undelete_guest);
  settle("acme");
  CHECK(job(authority).code == "NameTaken");
  CHECK(life() == Life::tombstone);
}

TEST_CASE("adopt: a foreign guest becomes ours and stays as it is", "[job][adopt]") {
  GuestSite site;
  site.want(small("acme"));
  const Uuid uuid = site.host.plant_foreign_domain("legacy");
  sim::SimDomain& legacy = *site.world.domain(uuid);
  legacy.configured.disks = {{"vda", "", "/elsewhere/legacy.img", "raw", gibibytes(8)}};
  legacy.live->disks = legacy.configured.disks;
  legacy.configured.nics = {{"52:54:00:00:00:01", Interface::Kind::user, "", "virtio"}};
  legacy.configured.seed_path = "/elsewhere/cd.iso";
  site.world.touch(legacy);
  const host::Shape before = legacy.configured;
  GuestIdentity stranger;
  stranger.uuid = uuid;
  const auto give = [&](const std::string& name) {
    const auto authority = site.sign(Verb::adopt_guest, stranger, name);
    site.give(authority, name);
    site.settle(name);
    return authority;
  };
  site.desk.want(small("acme"));
  CHECK(site.job(give("acme")).code == "BadOrder");
  CHECK_FALSE(legacy.marker);

  const auto authority = give("legacy");
  CHECK(site.job(authority).state == JobState::done);
  REQUIRE(legacy.marker);
  CHECK(legacy.marker->provenance == "adopted");
  CHECK(names(*legacy.marker, authority));
  const auto row = site.journal->provenance(uuid).value().value();
  CHECK(row.origin == Origin::adopted);
  CHECK(row.data_bearing);
  CHECK(legacy.boots == 1);
  CHECK(legacy.power == PowerState::running);
  CHECK(legacy.configured.disks.at(0).name == "root");
  CHECK(legacy.configured.disks.at(0).path == before.disks.at(0).path);
  CHECK(legacy.configured.nics == before.nics);
  CHECK(site.guests.known_guests().value() == std::vector<std::string>{"acme", "legacy"});
  CHECK(site.job(give("legacy")).code == "AlreadyOurs");

  SECTION("and changes once desired state names it") {
    Guest wanted;
    wanted.name = "legacy";
    wanted.spec.image = {"debian-12", "1"};
    wanted.spec.cpus = 3;
    wanted.spec.memory = gibibytes(1);
    wanted.spec.root_disk.size = gibibytes(8);
    wanted.spec.interfaces = {{"net0", Interface::Kind::user, "", "virtio"}};
    site.want(wanted);
    CHECK(legacy.configured.cpus == 3);
    CHECK(legacy.configured.seed_path == before.seed_path);
    CHECK(legacy.configured.nics == before.nics);
    CHECK(legacy.marker->provenance == "adopted");
    CHECK(names(*legacy.marker, authority));
    CHECK(site.guests.plan("legacy").value().actions.empty());
    // A disk on no storage target is not grown, and holds up nothing else.
    wanted.spec.root_disk.size = gibibytes(16);
    wanted.spec.cpus = 2;
    site.want(wanted);
    CHECK(site.condition("legacy", "Blocked").reason == "DiskNotOnTarget");
    CHECK(legacy.configured.cpus == 2);
  }
  SECTION("and is destroyed and freed without its foreign files") {
    const auto destroyed = site.sign(Verb::destroy_guest, site.identity("legacy"));
    site.give(destroyed, "legacy");
    site.settle("legacy");
    CHECK(site.journal->provenance(uuid).value()->life == Life::tombstone);
    site.clock.advance(8 * day);
    site.settle("legacy");
    CHECK(site.journal->provenance(uuid).value()->life == Life::gone);
    CHECK(site.world.domain(uuid) == nullptr);
  }
  CHECK(sim::broken_now(site.world) == sim::Breaches{});
}

TEST_CASE_METHOD(JobSite, "job: a full marker takes no more jobs until one has expired", "[job]") {
  host::Marker& marker = *world.domain(born.uuid)->marker;
  for (std::size_t i = 0; i < most_executed_jobs; ++i)
    marker.jobs.push_back({"job " + std::to_string(i), clock.now() + day});
  world.touch(*world.domain(born.uuid));
  const auto refused = order(Verb::destroy_guest);
  settle("acme");
  CHECK(job(refused).code == "TooManyJobs");
  CHECK(life() == Life::live);
  clock.advance(day);
  const auto taken = order(Verb::destroy_guest);
  settle("acme");
  CHECK(job(taken).state == JobState::done);
  CHECK(guest().marker->jobs.size() == 1);  // what has expired is dropped
}

TEST_CASE_METHOD(JobSite, "job: changes of the guest keep the jobs in its marker", "[job]") {
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  const auto authority = order(Verb::roll_back_snapshot, "before");
  settle("acme");
  Guest changed = small("acme");
  changed.spec.cpus = 3;
  changed.spec.bootstrap.user_data = "#cloud-config\n{}";
  changed.spec.volumes.push_back(Volume{"more", gibibytes(1)});
  want(changed);
  CHECK(guest().configured.cpus == 3);
  CHECK(names(*guest().marker, authority));
  CHECK(guests.plan("acme").value().in_sync());
  check_sound();
}

TEST_CASE("executed jobs: the list drops what expired and holds each once", "[job]") {
  const Time now{Duration{1'000'000}};
  host::Marker marker;
  marker = with_job(marker, {"one", now + Duration{10}}, now);
  marker = with_job(marker, {"two", now + Duration{20}}, now);
  marker = with_job(marker, {"two", now + Duration{20}}, now);
  CHECK(marker.jobs.size() == 2);
  CHECK(marker.last_job == "two");
  CHECK(was_executed(marker, "one"));
  marker = with_job(marker, {"three", now + Duration{30}}, now + Duration{10});
  CHECK_FALSE(was_executed(marker, "one"));  // over at the very moment it names
  CHECK(was_executed(marker, "two"));
}

TEST_CASE("job: the gate's code is found in the cause of a rolled back operation", "[job]") {
  const auto found = refusal_of(Error{Errc::denied, "authorize: Expired: it is over"});
  REQUIRE(found);
  CHECK(found->code == "Expired");
  CHECK(found->sentence == "it is over");
  CHECK_FALSE(refusal_of(Error{Errc::denied, "define: permission denied: /srv"}));
  CHECK_FALSE(refusal_of(Error{Errc::invalid, "authorize: Expired: it is over"}));
}

// An older copy of the journal knows neither the job nor what it did. The guest does.
TEST_CASE_METHOD(JobSite, "job: an older journal does not carry a job out again", "[job][replay]") {
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  const auto old_row = journal->provenance(born.uuid).value().value();
  const auto verb = GENERATE(Verb::roll_back_snapshot, Verb::destroy_guest);
  const auto authority = order(verb, verb == Verb::roll_back_snapshot ? "before" : "");
  settle("acme");
  REQUIRE(job(authority).state == JobState::done);
  world.write_customer_data_everywhere();
  const auto boots = guest().boots;
  const auto name = guest().name;

  const auto older = open(clock);
  REQUIRE(older->commit([&](Writes& writes) { return writes.put(old_row); }));
  gate::Gate other_gate{*older, clock, random};
  GuestReconciler heir{GuestWorld{*older,
                                  other_gate,
                                  host.ports(),
                                  clock,
                                  random,
                                  desk,
                                  signatures,
                                  host_id,
                                  "libvirt",
                                  Logger{},
                                  ProgressSink{},
                                  {}}};
  JobRecord again;
  again.id = authority.job_id();
  again.payload_sha256 = "payload";
  again.subject = guest_subject("acme");
  again.action = gate::job_action(verb);
  again.expires = authority.expires();
  REQUIRE(older->commit([&](Writes& writes) { return writes.put_job(again); }));
  for (int pass = 0; pass < 5; ++pass) static_cast<void>(heir.reconcile("acme"));
  const JobRecord refused = older->job(again.id).value().value();
  CHECK(refused.state == JobState::refused);
  CHECK(refused.code == "ReplayedJob");
  CHECK(guest().boots == boots);
  CHECK(guest().name == name);
  CHECK(sim::broken_now(world) == sim::Breaches{});
  if (verb != Verb::destroy_guest) return;

  // Nor does it bring the guest back: it says so until somebody recovers what the guest knows.
  CHECK(heir.plan("acme").value().blocked == "NeedsRecovery");
  REQUIRE(heir.apply(heir.plan_recovery().value()));
  CHECK(older->provenance(born.uuid).value()->life == Life::tombstone);
  CHECK(heir.plan_recovery().value().rows.empty());
}

TEST_CASE_METHOD(JobSite, "job: an older journal does not free a guest that was undeleted since",
                 "[job][replay]") {
  order(Verb::destroy_guest);
  settle("acme");
  const auto old_row = journal->provenance(born.uuid).value().value();
  order(Verb::undelete_guest);
  settle("acme");
  REQUIRE(guest().power == PowerState::running);

  clock.advance(8 * day);
  REQUIRE(journal->commit([&](Writes& writes) { return writes.put(old_row); }));
  settle("acme");
  CHECK(guest().power == PowerState::running);
  CHECK(world.files.count(guest().configured.disks.at(0).path) == 1);
  CHECK(sim::broken_now(world) == sim::Breaches{});
}
