// SPDX-License-Identifier: Apache-2.0
#include "jobs/intake.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "base/sha256.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/jobs/desk.hpp"

namespace holdfast::jobs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// The code that a job changed in one way gets.
std::string answer(const std::function<void(Job&)>& change) {
  Desk desk;
  Job job = desk.destroy_acme();
  change(job);
  return desk.submit(Desk::sign(job));
}

std::string edited(const Desk& desk, const std::string& from, const std::string& to) {
  std::string text = to_json(desk.destroy_acme());
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("intake: a signed job waits in the journal and in the audit chain", "[jobs]") {
  Desk desk;
  const JobEnvelope envelope = Desk::sign(desk.destroy_acme());
  REQUIRE(desk.submit(envelope) == "accepted");
  CHECK(desk.woken == std::vector<std::string>{"guest/acme"});
  const auto waiting = desk.journal->waiting_jobs("guest/acme").value();
  REQUIRE(waiting.size() == 1);
  CHECK(waiting.front().id == std::string(32, '1'));
  CHECK(waiting.front().action == "guest.destroy");
  CHECK(waiting.front().payload_sha256 == to_hex(sha256(envelope.payload)));
  CHECK(desk.journal->job_seen(std::string(32, '1')).value());
  const auto entries = desk.audit("job");
  REQUIRE(entries.size() == 1);
  CHECK(entries.front().subject == "guest/acme");
  CHECK(entries.front().detail.find(R"("name":"anna")") != std::string::npos);
  CHECK(entries.front().detail.find(signing::fingerprint(Desk::anna.key())) != std::string::npos);
  CHECK(desk.journal->verify_audit());
}

TEST_CASE("intake: the same bytes again are known, and the same id in other bytes is a replay",
          "[jobs]") {
  Desk desk;
  const Job job = desk.destroy_acme();
  REQUIRE(desk.submit(Desk::sign(job)) == "accepted");
  CHECK(desk.submit(Desk::sign(job)) == "known");
  CHECK(desk.submit(Desk::sign(job, {&Desk::ben})) == "known");  // other signatures, same bytes
  CHECK(desk.submit({to_json(job), {}}) == "known");
  Job again = job;
  again.reason = "another";
  CHECK(desk.submit(Desk::sign(again)) == "ReplayedJob");
  CHECK(desk.journal->waiting_jobs().value().size() == 1);
  CHECK(desk.woken.size() == 1);
  desk.restart();
  CHECK(desk.submit(Desk::sign(job)) == "known");
  CHECK(desk.submit(Desk::sign(again)) == "ReplayedJob");
  desk.clock.advance(hours{24 * 400});
  CHECK(desk.submit(Desk::sign(again)) == "Expired");
}

TEST_CASE("intake: an id is spent for ever, also when the job's row is long gone", "[jobs]") {
  Desk desk;
  Job job = desk.destroy_acme();
  REQUIRE(
      desk.journal->commit([&](Writes& writes) { return writes.job_seen(job.id, "guest/acme"); }));
  CHECK(desk.submit(Desk::sign(job)) == "ReplayedJob");
}

TEST_CASE("intake: a job for another host, guest, life or look is refused by code", "[jobs]") {
  CHECK(answer([](Job&) {}) == "accepted");
  CHECK(answer([](Job& job) { job.host_id = std::string(32, 'f'); }) == "WrongHost");
  CHECK(answer([](Job& job) { job.guest->uuid = Uuid{{1}}; }) == "WrongGuest");
  CHECK(answer([](Job& job) { job.guest.reset(); }) == "WrongGuest");
  CHECK(answer([](Job& job) { job.guest->incarnation.value = 2; }) == "WrongIncarnation");
  CHECK(answer([](Job& job) { job.guest->incarnation.value = 4; }) == "WrongIncarnation");
  CHECK(answer([](Job& job) { job.fingerprint = "sha256:" + std::string(64, 'a'); }) == "accepted");
  CHECK(answer([](Job& job) { job.fingerprint = "sha256:" + std::string(64, 'b'); }) ==
        "StaleFingerprint");
  CHECK(answer([](Job& job) {
          job.action = "guest.undelete";
          job.params.clear();
        }) == "WrongGuest");
  CHECK(answer([](Job& job) {
          job.action = "guest.adopt";
          job.params = {{"object", "acme"}};
        }) == "WrongGuest");
  CHECK(answer([](Job& job) {
          job.action = "mass-change.allow";
          job.params = {{"object", "x"}};
        }) == "WrongGuest");
}

TEST_CASE("intake: a job out of its time is refused or has to wait", "[jobs]") {
  CHECK(answer([](Job& job) { job.not_before += minutes{2}; }) == "NotYetValid");
  CHECK(answer([](Job& job) { job.expires = job.not_before + minutes{1}; }) == "Expired");
  CHECK(answer([](Job& job) { job.expires = job.not_before + hours{24 * 7}; }) == "accepted");
  CHECK(answer([](Job& job) { job.expires = job.not_before + hours{24 * 7} + Duration{1}; }) ==
        "WindowTooLong");
  Desk desk;
  Job later = desk.destroy_acme();
  later.not_before = desk.clock.now() + minutes{5};
  CHECK(desk.submit(Desk::sign(later)) == "NotYetValid");
  CHECK(desk.journal->jobs(10).value().empty());  // nothing is final about it
  desk.clock.advance(minutes{5});
  CHECK(desk.submit(Desk::sign(later)) == "accepted");
}

TEST_CASE("intake: what an action cannot mean is refused by code", "[jobs]") {
  CHECK(answer([](Job& job) { job.params.clear(); }) == "accepted");  // the action's first verb
  CHECK(answer([](Job& job) { job.params["verb"] = "shrink_disk"; }) == "BadParams");
  CHECK(answer([](Job& job) { job.params["verb"] = "fly"; }) == "BadParams");
  CHECK(answer([](Job& job) { job.params["extraBudget"] = "-1"; }) == "BadParams");
  CHECK(answer([](Job& job) { job.params["extraBudget"] = "2 "; }) == "BadParams");
  CHECK(answer([](Job& job) { job.params["extraBudget"] = "3"; }) == "accepted");
  CHECK(answer([](Job& job) {
          job.action = "guest.shrink";
          job.params.clear();
        }) == "BadParams");
  CHECK(answer([](Job& job) {
          job.action = "guest.shrink";
          job.params = {{"object", "root 8Gi"}};
        }) == "accepted");
  CHECK(answer([](Job& job) {
          job.action = "guest.adopt";
          job.guest = GuestBinding{Uuid{{7}}, Incarnation{1}, "web"};
          job.params = {{"object", "shop"}};
        }) == "BadParams");
  CHECK(answer([](Job& job) { job.action = "guest.restore-over"; }) == "BadParams");
  CHECK(answer([](Job& job) {
          job.action = "guest.restore-over";
          job.params = {{"object", "local:backup/one"}};
        }) == "accepted");
  CHECK(answer([](Job& job) { job.action = "agent.update"; }) == "UnsupportedAction");
  CHECK(answer([](Job& job) { job.action = "host.decommission"; }) == "TooFewSigners");
  Desk desk;
  CHECK(desk.submit(Desk::sign_text(edited(desk, "guest.destroy", "guest.explode"))) ==
        "UnknownAction");
}

TEST_CASE("intake: parameters that the gate does not see are judged when the job is taken",
          "[jobs]") {
  const auto with = [](const std::string& action, std::map<std::string, std::string> params) {
    return answer([&](Job& job) {
      job.action = action;
      job.params = std::move(params);
    });
  };
  CHECK(with("guest.backup", {}) == "accepted");
  CHECK(with("guest.backup", {{"note", "monday"}, {"protect", "true"}}) == "accepted");
  CHECK(with("guest.backup", {{"protect", "yes"}}) == "BadParams");
  CHECK(with("guest.backup", {{"protected", "true"}}) == "BadParams");
  const std::map<std::string, std::string> good{{"object", "local:backup/one"}, {"name", "copy"}};
  CHECK(with("guest.restore", good) == "accepted");
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"object", ""},
                                                        {"name", ""},
                                                        {"name", "Not a name"},
                                                        {"isolated", "1"},
                                                        {"isolate", "true"},
                                                        {"verb", "restore_over"}}) {
    auto params = good;
    params[name] = value;
    CHECK(with("guest.restore", params) == "BadParams");
  }
}

TEST_CASE("intake: a restore waits for the turn of the guest that it makes", "[jobs]") {
  Desk desk;
  Job job = desk.destroy_acme();
  job.action = "guest.restore";
  job.params = {{"object", "local:backup/one"}, {"name", "copy"}};
  // Also of a guest that is no more.
  job.guest = GuestBinding{Uuid{{7}}, Incarnation{4}, "gone"};
  CHECK(desk.submit(Desk::sign(job)) == "accepted");
  const auto waiting = desk.journal->waiting_jobs().value();
  REQUIRE(waiting.size() == 1);
  CHECK(waiting.front().subject == "guest/copy");
}

TEST_CASE("intake: an unreadable job is refused only after its signature was found good",
          "[jobs]") {
  Desk desk;
  const std::string broken = edited(desk, "\"reason\"", "\"raison\"");
  CHECK(desk.submit(Desk::sign_text(broken)) == "MalformedJob");
  CHECK(desk.submit({broken, {}}) == "Unsigned");
  CHECK(desk.submit(Desk::sign_text("{}")) == "MalformedJob");
  CHECK(desk.submit(Desk::sign_text(edited(desk, "\"id\"", "\"id\": \"x\", \"id\""))) ==
        "MalformedJob");
  CHECK(desk.submit(Desk::sign_text(std::string(65 * 1024, ' '))) == "MalformedEnvelope");
  CHECK(desk.intake->submit(std::string{"rubbish"}).value().code == "MalformedEnvelope");
  CHECK(desk.intake->submit(std::string{"{}"}).value().code == "MalformedEnvelope");
  CHECK(desk.journal->waiting_jobs().value().empty());
}

TEST_CASE("intake: signatures that do not count are refused by their own codes", "[jobs]") {
  Desk desk;
  const Job job = desk.destroy_acme();
  const std::string text = to_json(job);
  const forge::Pair stranger{9};
  CHECK(desk.submit({text, {}}) == "Unsigned");
  CHECK(desk.submit(Desk::sign(job, {&stranger})) == "UnknownSigner");
  CHECK(desk.submit(Desk::sign(job, {&Desk::anna, &Desk::anna})) == "SameSignerTwice");
  forge::Recipe git;
  git.message = text;
  git.name_space = "git";
  CHECK(desk.submit({text, {forge::sshsig(Desk::anna, git)}}) == "WrongNamespace");
  forge::Recipe untouched;
  untouched.message = text;
  untouched.flags = 0;
  CHECK(desk.submit({text, {forge::sshsig(Desk::clara, untouched)}}) == "NoTouch");
  CHECK(desk.submit({text + "\n", {forge::sshsig(Desk::anna, text)}}) == "BadSignature");
  CHECK(desk.submit({text, std::vector<std::string>(9, forge::sshsig(Desk::anna, text))}) ==
        "TooManySignatures");
  CHECK(desk.submit(Desk::sign(job)) == "accepted");  // what was turned away spent nothing
}

TEST_CASE("intake: the policy says how many operators an action takes", "[jobs]") {
  Desk desk;
  desk.policy.signers = {{"guest.destroy", 2}, {"default", 1}};
  desk.restart();
  const Job job = desk.destroy_acme();
  CHECK(desk.submit(Desk::sign(job)) == "TooFewSigners");
  CHECK(desk.submit(Desk::sign(job, {&Desk::anna, &Desk::clara})) == "accepted");
  Job other = desk.destroy_acme(std::string(32, '2'));
  other.action = "guest.rollback";
  other.params = {{"object", "before"}};
  CHECK(desk.submit(Desk::sign(other)) == "accepted");
}

TEST_CASE("intake: a PIN is demanded for giving up the host", "[jobs]") {
  Desk desk;
  desk.policy.signers = {{"host.decommission", 1}};
  desk.restart();
  Job job = desk.destroy_acme();
  job.action = "host.decommission";
  CHECK(desk.submit(Desk::sign(job, {&Desk::clara})) == "NoPin");
  forge::Recipe with_pin;
  with_pin.message = to_json(job);
  with_pin.flags = 5;
  CHECK(desk.submit({to_json(job), {forge::sshsig(Desk::clara, with_pin)}}) == "UnsupportedAction");
}

TEST_CASE("intake: without an operators' file that can be believed jobs have to wait", "[jobs]") {
  Desk desk;
  const JobEnvelope envelope = Desk::sign(desk.destroy_acme());
  const std::string text = desk.operators().read()->text;
  ::unlink((desk.folder + "/operators").c_str());
  CHECK(desk.submit(envelope) == "NoOperators");
  desk.write_operators(text);
  ::chmod((desk.folder + "/operators").c_str(), 0666);
  CHECK(desk.submit(envelope) == "NoOperators");
  ::chmod((desk.folder + "/operators").c_str(), 0644);
  CHECK(desk.submit(envelope) == "accepted");
}

TEST_CASE("intake: a daemon that only observes takes nothing", "[jobs]") {
  Desk desk;
  REQUIRE(
      desk.journal->commit([](Writes& writes) { return writes.set_fact("mode", "observe-only"); }));
  CHECK(desk.submit(Desk::sign(desk.destroy_acme())) == "ObserveOnly");
  CHECK_FALSE(desk.journal->job_seen(std::string(32, '1')).value());
}

TEST_CASE("intake: a provider that is away is no reason to call a fingerprint stale", "[jobs]") {
  Desk desk;
  Job job = desk.destroy_acme();
  job.fingerprint = "sha256:" + std::string(64, 'b');
  desk.guests.is_away = true;
  CHECK(desk.submit(Desk::sign(job)) == "accepted");  // the gate asks again before the effect
}

TEST_CASE("intake: a clock that was set back stops jobs", "[jobs]") {
  Desk desk;
  Job job = desk.destroy_acme();
  REQUIRE(desk.submit(Desk::sign(job)) == "accepted");
  job.id = std::string(32, '2');
  desk.clock.set_back(minutes{2});
  CHECK(desk.submit(Desk::sign(job)) == "ClockUnsound");
  desk.restart();  // the journal remembers
  CHECK(desk.submit(Desk::sign(job)) == "ClockUnsound");
  desk.clock.set_back(-minutes{2} + std::chrono::seconds{30});  // what a time server steps
  CHECK(desk.submit(Desk::sign(job)) == "accepted");
}

TEST_CASE("intake: the clock can be looked at without a job, and that remembers nothing",
          "[jobs]") {
  Desk desk;
  REQUIRE(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");
  CHECK(desk.guard->look_at(desk.clock.now()).value() == ClockFault::none);
  CHECK(desk.guard->look_at(desk.clock.now() + hours{24}).value() == ClockFault::none);
  CHECK(desk.guard->look_at(desk.clock.now()).value() == ClockFault::none);
  desk.clock.set_back(minutes{2});
  CHECK(desk.guard->look_at(desk.clock.now()).value() == ClockFault::set_back);
  desk.clock.set_back(-minutes{2});
  desk.kernel.is_good = false;
  CHECK(desk.guard->look_at(desk.clock.now()).value() == ClockFault::unsynchronised);
}

TEST_CASE("intake: a clock that stands still while time passes stops jobs", "[jobs]") {
  Desk desk;
  REQUIRE(desk.intake->remember_time());
  desk.clock.advance(hours{24 * 30});
  desk.clock.set_back(hours{24 * 30});
  CHECK(desk.submit(Desk::sign(desk.destroy_acme())) == "ClockUnsound");
}

TEST_CASE("intake: a clock that nobody keeps right stops jobs and leaves no mark", "[jobs]") {
  Desk desk;
  desk.kernel.is_good = false;
  desk.clock.advance(hours{24 * 365 * 10});  // the wrong year
  CHECK(desk.submit(Desk::sign(desk.destroy_acme())) == "ClockUnsound");
  REQUIRE(desk.intake->remember_time());
  desk.clock.set_back(hours{24 * 365 * 10});
  desk.restart();
  desk.kernel.is_good = true;
  CHECK(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");
}

TEST_CASE("intake: the time is remembered once a day and no oftener", "[jobs]") {
  Desk desk;
  REQUIRE(desk.intake->remember_time());
  const auto first = desk.journal->fact("clock.highest").value();
  REQUIRE(first);
  desk.clock.advance(hours{23});
  REQUIRE(desk.intake->remember_time());
  CHECK(desk.journal->fact("clock.highest").value() == first);
  desk.clock.advance(hours{2});
  REQUIRE(desk.intake->remember_time());
  CHECK(desk.journal->fact("clock.highest").value() != first);
}

TEST_CASE("intake: endless rubbish is answered and does not fill the disk", "[jobs]") {
  Desk desk;
  for (int i = 0; i < 3000; ++i)
    REQUIRE(desk.submit({"rubbish " + std::to_string(i), {}}) == "Unsigned");
  CHECK(desk.journal->jobs(10'000).value().size() <= 256);
  CHECK(desk.audit("job-refused").size() <= 32);
  for (int i = 0; i < 100; ++i) REQUIRE(desk.submit({"rubbish 1", {}}) == "Unsigned");
  CHECK(desk.submit(Desk::sign(desk.destroy_acme())) == "accepted");  // and the good ones pass
  desk.clock.advance(minutes{2});
  REQUIRE(desk.submit({"late rubbish", {}}) == "Unsigned");
  const auto entries = desk.audit("job-refused");
  CHECK(entries.back().detail.find("leftOut") != std::string::npos);
}

}  // namespace holdfast::jobs
