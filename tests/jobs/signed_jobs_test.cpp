// SPDX-License-Identifier: Apache-2.0
#include "jobs/signed_jobs.hpp"

#include "base/sha256.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/jobs/desk.hpp"

namespace holdfast::jobs {
namespace {

const std::string first_id = std::string(32, '1');

// A row as only somebody with the database open could write it.
void forge_row(Desk& desk, const std::string& id, const JobEnvelope& envelope) {
  JobRecord record;
  record.id = id;
  record.payload_sha256 = to_hex(sha256(envelope.payload));
  record.subject = "guest/acme";
  record.action = "guest.destroy";
  record.envelope = to_json(envelope);
  record.expires = desk.clock.now() + std::chrono::hours{24};
  REQUIRE(desk.journal->commit([&](Writes& writes) { return writes.put_job(record); }));
}

}  // namespace

TEST_CASE("signed jobs: an accepted job becomes the authority it was signed for", "[jobs]") {
  Desk desk;
  Job job = desk.destroy_acme();
  job.fingerprint = "sha256:" + std::string(64, 'a');
  job.params["extraBudget"] = "2";
  REQUIRE(desk.submit(Desk::sign(job)) == "accepted");
  const auto authority = desk.jobs->authority(first_id).value();
  REQUIRE(authority);
  CHECK(authority->job_id() == first_id);
  CHECK(authority->verb() == gate::Verb::destroy_guest);
  CHECK(authority->uuid() == Desk::acme);
  CHECK(authority->incarnation() == Incarnation{3});
  CHECK(authority->expires() == job.expires);
  CHECK(authority->fingerprint() == job.fingerprint);
  CHECK(authority->extra_budget() == 2);
  CHECK(authority->object().empty());
  CHECK_FALSE(desk.jobs->authority(std::string(32, '2')).value());
}

TEST_CASE("signed jobs: each action and verb becomes its own authority", "[jobs]") {
  struct Row {
    const char* action;
    const char* verb;
    const char* object;
    gate::Verb becomes;
  };
  const std::vector<Row> rows{
      {"guest.destroy", "", "", gate::Verb::destroy_guest},
      {"guest.shrink", "", "root 8Gi", gate::Verb::shrink_disk},
      {"guest.shrink", "remove_volume", "db", gate::Verb::remove_volume},
      {"guest.shrink", "free_set_aside", "db.old", gate::Verb::free_set_aside},
      {"guest.reimage", "replace_image", "debian-12 1", gate::Verb::replace_image},
      {"guest.rollback", "", "before", gate::Verb::roll_back_snapshot},
      {"guest.rollback", "remove_snapshot", "before", gate::Verb::remove_snapshot},
      {"mass-change.allow", "", "sha256:x", gate::Verb::allow_mass_change},
  };
  Desk desk;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(rows[i].action, rows[i].verb);
    Job job = desk.destroy_acme(std::string(32, static_cast<char>('a' + i % 6)));
    job.id.back() = static_cast<char>('0' + i);
    job.action = rows[i].action;
    job.params.clear();
    if (*rows[i].verb != '\0') job.params["verb"] = rows[i].verb;
    if (*rows[i].object != '\0') job.params["object"] = rows[i].object;
    if (rows[i].becomes == gate::Verb::allow_mass_change) job.guest.reset();
    REQUIRE(desk.submit(Desk::sign(job)) == "accepted");
    const auto authority = desk.jobs->authority(job.id).value();
    REQUIRE(authority);
    CHECK(authority->verb() == rows[i].becomes);
    CHECK(authority->object() == rows[i].object);
    CHECK(authority->uuid() == (job.guest ? Desk::acme : Uuid{}));
  }
}

TEST_CASE("signed jobs: a tombstone may be undeleted or freed by job and a stranger adopted",
          "[jobs]") {
  Desk desk;
  desk.put_guest({.uuid = Desk::acme,
                  .incarnation = Incarnation{3},
                  .subject = "guest/acme",
                  .origin = Origin::created,
                  .life = Life::tombstone,
                  .data_bearing = true,
                  .detail = "{}"});
  Job job = desk.destroy_acme(std::string(32, '1'));
  CHECK(desk.submit(Desk::sign(job)) == "WrongGuest");
  job.params["verb"] = "free_tombstone";
  CHECK(desk.submit(Desk::sign(job)) == "accepted");
  CHECK(desk.jobs->authority(job.id).value()->verb() == gate::Verb::free_tombstone);
  job.id = std::string(32, '2');
  job.action = "guest.undelete";
  job.params.clear();
  CHECK(desk.submit(Desk::sign(job)) == "accepted");
  CHECK(desk.jobs->authority(job.id).value()->verb() == gate::Verb::undelete_guest);
  job.id = std::string(32, '3');
  job.action = "guest.adopt";
  job.params = {{"object", "web"}};
  job.guest = GuestBinding{Uuid{{7}}, Incarnation{1}, "web"};
  CHECK(desk.submit(Desk::sign(job)) == "accepted");
  CHECK(desk.journal->waiting_jobs("guest/web").value().size() == 1);
  CHECK(desk.jobs->authority(job.id).value()->object() == "web");
}

TEST_CASE("signed jobs: a row written into the database stands for no signature", "[jobs]") {
  Desk desk;
  const Job job = desk.destroy_acme();
  forge_row(desk, first_id, {to_json(job), {}});
  CHECK(desk.jobs->authority(first_id).error().code() == Errc::denied);
  const forge::Pair mallory{8};
  Job second = desk.destroy_acme(std::string(32, '2'));
  forge_row(desk, second.id, Desk::sign(second, {&mallory}));
  const auto refused = desk.jobs->authority(second.id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("UnknownSigner") != std::string::npos);
}

TEST_CASE("signed jobs: one job's envelope under another's id is found out", "[jobs]") {
  Desk desk;
  const JobEnvelope good = Desk::sign(desk.destroy_acme());
  forge_row(desk, std::string(32, '2'), good);
  CHECK(desk.jobs->authority(std::string(32, '2')).error().code() == Errc::denied);
  Job elsewhere = desk.destroy_acme(std::string(32, '3'));
  elsewhere.host_id = std::string(32, 'e');
  forge_row(desk, elsewhere.id, Desk::sign(elsewhere));
  const auto refused = desk.jobs->authority(elsewhere.id);
  CHECK(refused.error().message().find("WrongHost") != std::string::npos);
}

TEST_CASE("signed jobs: a key that was taken out has no word any more", "[jobs]") {
  Desk desk;
  REQUIRE(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");
  REQUIRE(desk.jobs->authority(first_id).value());
  desk.write_operators(Desk::ben.line("ben"));
  CHECK(desk.jobs->authority(first_id).error().code() == Errc::denied);
  desk.write_operators(Desk::ben.line("ben") +
                       Desk::anna.line("anna", "valid-before=\"20260101\""));
  CHECK(desk.jobs->authority(first_id).error().message().find("KeyExpired") != std::string::npos);
}

TEST_CASE("signed jobs: one that ended is used up", "[jobs]") {
  Desk desk;
  REQUIRE(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");
  REQUIRE(desk.journal->commit(
      [](Writes& writes) { return writes.job_ended(first_id, JobState::done, "", ""); }));
  CHECK_FALSE(desk.jobs->authority(first_id).value());
}

TEST_CASE("signed jobs: while the clock is unsound nothing is authorised and nothing is lost",
          "[jobs]") {
  Desk desk;
  REQUIRE(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");
  desk.clock.set_back(std::chrono::hours{1});
  CHECK(desk.jobs->authority(first_id).error().code() == Errc::unavailable);
  desk.clock.set_back(-std::chrono::hours{1});
  CHECK(desk.jobs->authority(first_id).value());
}

}  // namespace holdfast::jobs
