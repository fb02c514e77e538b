// SPDX-License-Identifier: Apache-2.0
#include "gate/codes.hpp"
#include "tests/reconcilers/guest_site.hpp"
#include "tests/sim/invariants.hpp"

using namespace holdfast;
using namespace holdfast::test;
using gate::Verb;
using host::PowerState;

namespace {

// Guest acme with volume db, and one called media that no backup takes; it runs, and its
// customer wrote to all of them.
struct BackupSite : GuestSite {
  GuestIdentity born{};

  BackupSite() {
    Guest acme = small("acme");
    Volume media = acme.spec.volumes.front();
    media.name = "media";
    acme.spec.volumes.push_back(media);
    want(acme);
    born = identity("acme");
    host.drift(born.uuid, [](sim::SimDomain& domain) {
      for (host::Shape* shape : {&domain.configured, &*domain.live})
        for (host::Disk& disk : shape->disks) disk.is_backed_up = disk.name != "media";
    });
    world.write_customer_data(born.uuid);
  }
  JobRecord order(const std::string& action, const std::string& subject,
                  std::map<std::string, std::string> params,
                  std::optional<GuestIdentity> about = {}) {
    const GuestIdentity& guest = about ? *about : born;
    FreeOrder free;
    free.action = action;
    free.job = std::to_string(++signed_jobs);
    free.job.insert(0, 32 - free.job.size(), '0');
    free.uuid = guest.uuid;
    free.incarnation = guest.incarnation;
    free.expires = clock.now() + std::chrono::hours{24};
    free.params = std::move(params);
    signatures.add(free);
    JobRecord record;
    record.id = free.job;
    record.payload_sha256 = "payload " + free.job;
    record.subject = guest_subject(subject);
    record.action = action;
    record.expires = free.expires;
    REQUIRE(journal->commit([&](Writes& writes) { return writes.put_job(record); }));
    settle(subject);
    return journal->job(free.job).value().value();
  }
  std::string back_up() {
    const auto done = order("guest.backup", "acme", {{"note", "monday"}});
    INFO(done.code << " " << done.message);
    REQUIRE(done.state == JobState::done);
    return world.backups.back().facts.id;
  }
  JobRecord restore_over(const std::string& backup) {
    const auto authority = sign(Verb::restore_over, identity("acme"), backup);
    give(authority, "acme");
    settle("acme");
    return job(authority);
  }
  std::set<sim::Token> data(const std::string& guest, const std::string& name) {
    for (const host::Disk& disk : domain(guest).configured.disks)
      if (disk.name == name) return world.data_on(disk.path);
    return {};
  }
  void check_sound() {
    CHECK(sim::broken_now(world) == sim::Breaches{});
    CHECK(sim::broken_at_rest(world, *journal) == sim::Breaches{});
  }
};

}  // namespace

TEST_CASE_METHOD(BackupSite, "backup: a signed job takes one, with its note and protection",
                 "[job][backup]") {
  const auto done = order("guest.backup", "acme", {{"note", "before 2.0"}, {"protect", "true"}});
  CHECK(done.state == JobState::done);
  REQUIRE(world.backups.size() == 1);
  const auto& facts = world.backups.front().facts;
  CHECK(facts.guest == born.uuid);
  CHECK(facts.label == done.id);
  CHECK(facts.note == "before 2.0");
  CHECK(facts.is_protected);
  CHECK(world.backups.front().held.count("media") == 0);
  CHECK(domain("acme").power == PowerState::running);
  check_sound();
}

TEST_CASE_METHOD(BackupSite, "backup: one of a guest that is not ours, or was another, is refused",
                 "[job][backup]") {
  GuestIdentity other = born;
  other.incarnation = Incarnation{7};
  CHECK(order("guest.backup", "acme", {}, other).code == gate::code::wrong_incarnation);
  other.uuid = Uuid::parse("00000000-0000-4000-8000-000000000042").value();
  CHECK(order("guest.backup", "acme", {}, other).code == gate::code::not_ours);
  CHECK(world.backups.empty());
}

TEST_CASE_METHOD(BackupSite, "backup: a provider that takes none says so", "[job][backup]") {
  const std::string backup = back_up();
  auto ports = host.ports();
  ports.backups = nullptr;
  GuestReconciler without{GuestWorld{*journal, gate, ports, clock, random, desk, signatures,
                                     host_id, "libvirt", Logger{}, ProgressSink{},
                                     stopping.get_token()}};
  const auto authority = sign(Verb::restore_over, born, backup);
  give(authority, "acme");
  CHECK(without.reconcile("acme"));
  CHECK(job(authority).code == "NotSupported");
  CHECK(job(authority).message.find("libvirt") != std::string::npos);
}

TEST_CASE_METHOD(BackupSite, "restore: a new guest of its own, stopped and wanted by nobody",
                 "[job][backup]") {
  const std::string backup = back_up();
  const auto root = data("acme", "root");
  const auto done =
      order("guest.restore", "copy", {{"object", backup}, {"name", "copy"}, {"isolated", "true"}});
  INFO(done.code << " " << done.message);
  REQUIRE(done.state == JobState::done);
  const sim::SimDomain& copy = domain("copy");
  CHECK(copy.uuid != born.uuid);
  CHECK(copy.power == PowerState::stopped);
  CHECK(copy.boots == 0);
  CHECK(copy.marker->incarnation == Incarnation{1});
  CHECK(copy.marker->name == "copy");
  CHECK(data("copy", "root") == root);
  CHECK(copy.configured.disks.size() == 2);  // the backup holds nothing of media
  for (const host::Nic& nic : copy.configured.nics) {
    CHECK_FALSE(nic.is_linked);
    for (const host::Nic& theirs : domain("acme").configured.nics) CHECK(nic.mac != theirs.mac);
  }
  CHECK(condition("copy", "Blocked").reason == "NeedsSignature");
  CHECK(domain("acme").power == PowerState::running);
  check_sound();
  host.advance(std::chrono::hours{24 * 30});
  settle("copy");
  CHECK(domain("copy").power == PowerState::stopped);
}

TEST_CASE_METHOD(BackupSite, "restore: a name that somebody has or wants is refused",
                 "[job][backup]") {
  const std::string backup = back_up();
  const auto code = [&](const std::string& name) {
    return order("guest.restore", name, {{"object", backup}, {"name", name}}).code;
  };
  CHECK(code("acme") == "NameTaken");
  host.plant_foreign_domain("legacy");
  CHECK(code("legacy") == "NameTaken");
  Guest wanted = small("wanted");
  wanted.spec.image.version = "none";
  want(wanted);
  CHECK(code("wanted") == "NameTaken");
  CHECK(code("copy").empty());
  CHECK(code("copy") == "NameTaken");
}

TEST_CASE_METHOD(BackupSite, "restore: only what this installation took of that guest is restored",
                 "[job][backup][safety]") {
  const std::string backup = back_up();
  CHECK(order("guest.restore", "copy", {{"object", "sim:backup-9"}, {"name", "copy"}}).code ==
        "NoBackup");
  GuestIdentity other = born;
  other.uuid = Uuid::parse("00000000-0000-4000-8000-000000000042").value();
  CHECK(order("guest.restore", "copy", {{"object", backup}, {"name", "copy"}}, other).code ==
        "NoBackup");
  world.backups.front().facts.host_id = "fedcba9876543210fedcba9876543210";
  CHECK(order("guest.restore", "copy", {{"object", backup}, {"name", "copy"}}).code == "NoBackup");
  CHECK(restore_over(backup).code == "NoBackup");
  CHECK(world.find_by_name("copy") == nullptr);
}

TEST_CASE_METHOD(BackupSite,
                 "restore over: another incarnation, what it was is backed up, bulk disks stay",
                 "[job][backup]") {
  const std::string backup = back_up();
  const auto old_root = data("acme", "root");
  for (const host::Disk& disk : domain("acme").configured.disks)
    world.files.at(disk.path).customer.insert(++world.last_token);
  const auto new_root = data("acme", "root");
  REQUIRE(new_root != old_root);
  const auto new_media = data("acme", "media");
  const auto done = restore_over(backup);
  INFO(done.code << " " << done.message);
  REQUIRE(done.state == JobState::done);
  CHECK(data("acme", "root") == old_root);
  CHECK(data("acme", "media") == new_media);
  CHECK(domain("acme").marker->incarnation == Incarnation{2});
  CHECK(identity("acme").incarnation == Incarnation{2});
  CHECK(domain("acme").power == PowerState::running);
  REQUIRE(world.backups.size() == 2);
  CHECK(world.backups.back().facts.is_protected);
  CHECK(world.backups.back().facts.label == "before-" + done.id);
  CHECK(world.backups.back().held.at("root").customer == new_root);
  check_sound();
  CHECK(guests.plan("acme").value().in_sync());

  // A guest's data was replaced today: another one needs a signature that says so.
  const auto again = restore_over(world.backups.back().facts.id);
  CHECK(again.code == gate::code::budget_spent);
  const auto tickets = journal->open_tickets().value();
  REQUIRE(tickets.size() == 1);
  CHECK(tickets.front().effects.find("leaves disk media") != std::string::npos);
}

TEST_CASE_METHOD(BackupSite, "restore over: what would be lost is named, and nothing happens",
                 "[job][backup][safety]") {
  const std::string backup = back_up();
  REQUIRE(guests.begin_snapshot("acme", "before"));
  settle("acme");
  const auto done = restore_over(backup);
  CHECK(done.state == JobState::refused);
  CHECK(done.code == "WouldLose");
  CHECK(done.message.find("snapshot before") != std::string::npos);
  CHECK(domain("acme").marker->incarnation == Incarnation{1});
  CHECK(world.backups.size() == 1);
  check_sound();
}
