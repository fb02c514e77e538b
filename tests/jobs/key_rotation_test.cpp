// SPDX-License-Identifier: Apache-2.0
#include "jobs/key_rotation.hpp"

#include "tests/catch.hpp"
#include "tests/jobs/desk.hpp"

namespace holdfast::jobs {
namespace {

const forge::Pair dora{4};
const std::string first_id = std::string(32, '1');

std::string next_set() { return Desk::ben.line("ben") + dora.line("dora"); }

Job rotate(const Desk& desk, const std::string& text = next_set(),
           const std::string& id = first_id) {
  Job job = desk.destroy_acme(id);
  job.action = "keys.rotate";
  job.guest.reset();
  job.params = {{"operators", text}, {"replaces", desk.operators().read()->digest}};
  return job;
}

const std::vector<const forge::Pair*> two{&Desk::anna, &Desk::ben};

}  // namespace

TEST_CASE("key rotation: most of the old set signs the new one", "[jobs]") {
  Desk desk;
  const Job job = rotate(desk);
  CHECK(desk.submit(Desk::sign(job)) == "TooFewSigners");
  CHECK(desk.submit(Desk::sign(job, {&Desk::anna, &dora})) == "TooFewSigners");  // dora is new
  REQUIRE(desk.submit(Desk::sign(job, two)) == "accepted");
  CHECK(desk.woken == std::vector<std::string>{"host"});
  REQUIRE(desk.rotation->run());
  CHECK(desk.operators().read()->text == next_set());
  CHECK(desk.journal->job(first_id).value()->state == JobState::done);
  const auto entries = desk.audit("keys");
  REQUIRE(entries.size() == 1);
  CHECK(entries.front().detail.find(desk.operators().read()->digest) != std::string::npos);
  CHECK_FALSE(desk.rotation->run().value());

  Job next = desk.destroy_acme(std::string(32, '2'));
  CHECK(desk.submit(Desk::sign(next)) == "UnknownSigner");  // anna is out
  CHECK(desk.submit(Desk::sign(next, {&dora})) == "accepted");
}

TEST_CASE("key rotation: replaces the set that was meant and no other", "[jobs]") {
  Desk desk;
  Job job = rotate(desk);
  job.params["replaces"] = "sha256:" + std::string(64, '0');
  CHECK(desk.submit(Desk::sign(job, two)) == "StaleKeySet");
  const Job good = rotate(desk);
  const Job rival = rotate(desk, Desk::ben.line("ben"), std::string(32, '2'));
  REQUIRE(desk.submit(Desk::sign(good, two)) == "accepted");
  REQUIRE(desk.submit(Desk::sign(rival, two)) == "accepted");
  while (desk.rotation->run().value()) {
  }
  CHECK(desk.operators().read()->text == next_set());
  // Anna's signature does not count any more, or the set is another one: either way, no.
  CHECK(has_ended(desk.journal->job(rival.id).value()->state));
  CHECK(desk.journal->job(rival.id).value()->state != JobState::done);
}

TEST_CASE("key rotation: an edit by hand in between wins", "[jobs]") {
  Desk desk;
  const Job job = rotate(desk);
  REQUIRE(desk.submit(Desk::sign(job, two)) == "accepted");
  const std::string by_hand = desk.operators().read()->text + "# reviewed in November\n";
  desk.write_operators(by_hand);
  while (desk.rotation->run().value()) {
  }
  CHECK(desk.operators().read()->text == by_hand);
  const auto record = desk.journal->job(first_id).value();
  CHECK(record->state == JobState::failed);
  CHECK(record->code == "StaleKeySet");
  CHECK(desk.audit("job-failed").size() == 1);
}

TEST_CASE("key rotation: a set that could not be signed with is refused", "[jobs]") {
  Desk desk;
  desk.policy.signers = {{"default", 2}};
  desk.restart();
  CHECK(desk.submit(Desk::sign(rotate(desk, Desk::ben.line("ben")), two)) == "BadKeySet");
  CHECK(desk.submit(Desk::sign(rotate(desk, "# nobody\n"), two)) == "BadKeySet");
  CHECK(desk.submit(Desk::sign(rotate(desk, next_set() + "eve cert-authority x\n"), two)) ==
        "BadKeySet");
  CHECK(desk.submit(Desk::sign(
            rotate(desk, Desk::ben.line("ben") + dora.line("dora", "namespaces=\"git\"")), two)) ==
        "BadKeySet");
  Job without = rotate(desk);
  without.params.erase("operators");
  CHECK(desk.submit(Desk::sign(without, two)) == "BadParams");
  CHECK(desk.submit(Desk::sign(rotate(desk), two)) == "accepted");
}

TEST_CASE("key rotation: a row that nobody signed exchanges nothing", "[jobs]") {
  Desk desk;
  const std::string before = desk.operators().read()->text;
  REQUIRE(desk.submit(Desk::sign(rotate(desk), two)) == "accepted");
  desk.write_operators(Desk::clara.line("clara"));  // both were taken out meanwhile
  const std::string held = desk.operators().read()->text;
  while (desk.rotation->run().value()) {
  }
  CHECK(desk.operators().read()->text == held);
  CHECK(desk.journal->job(first_id).value()->state == JobState::refused);
  CHECK(desk.journal->job(first_id).value()->code == "UnknownSigner");
}

}  // namespace holdfast::jobs
