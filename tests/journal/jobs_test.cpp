// SPDX-License-Identifier: Apache-2.0
#include "journal/migrations.hpp"
#include "journal/open_file.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

const std::string first_id = "00112233445566778899aabbccddeeff";
const std::string second_id = "ffeeddccbbaa99887766554433221100";

struct Jobs : InMemory {
  JobRecord accepted(const std::string& id, const std::string& subject = "guest/acme") const {
    JobRecord job;
    job.id = id;
    job.payload_sha256 = "payload of " + id;
    job.subject = subject;
    job.action = "guest.destroy";
    job.envelope = std::string{"exact\0text\n", 11};
    job.expires = clock.now() + std::chrono::hours{1};
    return job;
  }
  JobRecord turned_away(const std::string& payload, const std::string& code) const {
    JobRecord job;
    job.payload_sha256 = payload;
    job.state = JobState::refused;
    job.code = code;
    job.envelope = "what somebody sent";
    return job;
  }
  Result<void> put(const JobRecord& job) {
    return journal->commit([&](Writes& w) { return w.put_job(job); });
  }
  // As a pass takes one up: the operation and the job's state are one commit.
  Result<OperationId> take_up(const std::string& id) {
    OperationId op;
    auto taken = journal->commit([&](Writes& w) -> Result<void> {
      op = TRY(w.begin("guest.destroy", "guest/acme", "{}", false));
      return w.job_running(id, op);
    });
    if (!taken) return std::move(taken).error();
    return op;
  }
  Result<void> end(const std::string& id, JobState state, const std::string& code = {}) {
    return journal->commit(
        [&](Writes& w) { return w.job_ended(id, state, code, "message of " + code); });
  }
  Result<void> acknowledge(const std::string& id) {
    return journal->commit([&](Writes& w) { return w.job_acknowledged("payload of " + id); });
  }
};

}  // namespace

TEST_CASE_METHOD(Jobs, "job: comes back as it was accepted and its id is spent", "[journal]") {
  JobRecord job = accepted(first_id);
  REQUIRE(put(job));
  job.received_at = clock.now();
  job.accepted_at = clock.now();
  CHECK(journal->job(first_id).value() == job);
  CHECK(journal->job_of_payload(job.payload_sha256).value() == job);
  CHECK(journal->job_seen(first_id).value());
  CHECK_FALSE(journal->job(second_id).value());
  CHECK_FALSE(journal->job_of_payload("another").value());
}

TEST_CASE_METHOD(Jobs, "job: an id is accepted once, whatever payload carries it", "[journal]") {
  REQUIRE(put(accepted(first_id)));
  CHECK(code_of(put(accepted(first_id))) == Errc::conflict);
  JobRecord other = accepted(first_id);
  other.payload_sha256 = "another payload";
  CHECK(code_of(put(other)) == Errc::conflict);
  CHECK(journal->jobs(10).value().size() == 1);

  // Also when only the id is remembered: the job itself was pruned long ago.
  REQUIRE(journal->commit([](Writes& w) { return w.job_seen(second_id, "guest/acme"); }));
  CHECK(code_of(put(accepted(second_id))) == Errc::conflict);
  CHECK_FALSE(journal->job(second_id).value());
}

TEST_CASE_METHOD(Jobs, "job: waits in the order of arrival, by subject", "[journal]") {
  REQUIRE(put(accepted(second_id)));
  REQUIRE(put(accepted(first_id)));
  REQUIRE(put(accepted("0", "guest/other")));
  const auto waiting = journal->waiting_jobs("guest/acme").value();
  REQUIRE(waiting.size() == 2);
  CHECK(waiting[0].id == second_id);
  CHECK(waiting[1].id == first_id);
  CHECK(journal->waiting_jobs().value().size() == 3);
  CHECK(journal->jobs(1).value().front().id == "0");
  CHECK(journal->jobs(10, "guest/acme").value().size() == 2);
  CHECK(journal->jobs(1, "guest/acme").value().front().id == first_id);

  REQUIRE(take_up(second_id));
  CHECK(journal->waiting_jobs("guest/acme").value().size() == 1);
}

TEST_CASE_METHOD(Jobs, "job: is taken up once, together with its operation", "[journal]") {
  REQUIRE(put(accepted(first_id)));
  const OperationId op = take_up(first_id).value();
  const JobRecord running = *journal->job(first_id).value();
  CHECK(running.state == JobState::running);
  CHECK(running.operation == op);
  CHECK(journal->job_of(op).value()->id == first_id);
  CHECK_FALSE(journal->job_of(OperationId{0}).value());
  REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
    TRY(w.close(op, OperationState::succeeded));
    return w.job_ended(first_id, JobState::done, "", "");
  }));
  CHECK(code_of(take_up(first_id)) == Errc::conflict);
  CHECK_FALSE(journal->unfinished("guest/acme").value());  // nor was a second one begun
  CHECK(journal->recent("guest/acme", 10).value().size() == 1);
}

TEST_CASE_METHOD(Jobs, "job: ends once and its result stays until it is acknowledged",
                 "[journal]") {
  REQUIRE(put(accepted(first_id)));
  CHECK(code_of(end(first_id, JobState::running)) == Errc::invalid);
  REQUIRE(acknowledge(first_id));  // what has not ended cannot be known
  REQUIRE(end(first_id, JobState::refused, "Expired"));
  CHECK(code_of(end(first_id, JobState::done)) == Errc::conflict);
  CHECK(code_of(end(second_id, JobState::done)) == Errc::conflict);
  auto results = journal->unacknowledged_jobs(10).value();
  REQUIRE(results.size() == 1);
  CHECK(results[0].code == "Expired");
  CHECK(results[0].message == "message of Expired");
  CHECK(results[0].ended_at == clock.now());

  clock.advance(Duration{5});
  REQUIRE(acknowledge(first_id));
  CHECK(journal->unacknowledged_jobs(10).value().empty());
  CHECK(journal->job(first_id).value()->acknowledged_at == clock.now());
  clock.advance(Duration{5});
  REQUIRE(acknowledge(first_id));
  CHECK(journal->job(first_id).value()->acknowledged_at == clock.now() - Duration{5});
}

TEST_CASE_METHOD(Jobs, "job: one that was turned away spends no id and keeps no envelope",
                 "[journal]") {
  JobRecord early = turned_away("payload of " + first_id, "NotYetValid");
  early.id = first_id;
  REQUIRE(put(early));
  CHECK_FALSE(journal->job_seen(first_id).value());
  const JobRecord held = *journal->job(first_id).value();
  CHECK(held.envelope.empty());
  CHECK(held.state == JobState::refused);
  CHECK_FALSE(held.accepted_at);
  CHECK(held.ended_at == clock.now());
  CHECK(journal->unacknowledged_jobs(10).value().size() == 1);
  CHECK(code_of(end(first_id, JobState::done)) == Errc::conflict);

  // The very same payload is accepted when its time has come.
  REQUIRE(put(accepted(first_id)));
  CHECK(journal->job(first_id).value()->state == JobState::accepted);
  CHECK(journal->jobs(10).value().size() == 1);
  CHECK(journal->unacknowledged_jobs(10).value().empty());
}

TEST_CASE_METHOD(Jobs, "job: what was turned away never takes the place of an accepted one",
                 "[journal]") {
  REQUIRE(put(accepted(first_id)));
  CHECK(code_of(put(turned_away("payload of " + first_id, "ReplayedJob"))) == Errc::conflict);
  JobRecord forged = turned_away("forged", "BadSignature");
  forged.id = first_id;
  REQUIRE(put(forged));
  CHECK(journal->job(first_id).value()->state == JobState::accepted);
}

TEST_CASE_METHOD(Jobs, "job: the same refusal again is not written, another one is", "[journal]") {
  REQUIRE(put(turned_away("p", "ClockUnsound")));
  REQUIRE(journal->commit([](Writes& w) { return w.job_acknowledged("p"); }));
  clock.advance(Duration{9});
  const Duration before = journal->since_last_commit();
  REQUIRE(put(turned_away("p", "ClockUnsound")));
  CHECK(journal->since_last_commit() == before);
  CHECK(journal->unacknowledged_jobs(10).value().empty());
  REQUIRE(put(turned_away("p", "Expired")));
  CHECK(journal->unacknowledged_jobs(10).value().size() == 1);
  CHECK(journal->jobs(10).value().size() == 1);
}

TEST_CASE_METHOD(Jobs, "job: arrives whole, and accepted or refused", "[journal]") {
  JobRecord job = accepted(first_id);
  job.state = JobState::done;
  CHECK(code_of(put(job)) == Errc::invalid);
  job = accepted("");
  CHECK(code_of(put(job)) == Errc::invalid);
  job = accepted(first_id);
  job.payload_sha256.clear();
  CHECK(code_of(put(job)) == Errc::invalid);
  CHECK(journal->jobs(10).value().empty());
}

TEST_CASE_METHOD(Jobs, "job: what ended and is known is pruned, its id never is", "[journal]") {
  const auto run_once = [&](const std::string& id, bool is_known) {
    REQUIRE(put(accepted(id)));
    REQUIRE(end(id, JobState::done));
    if (is_known) REQUIRE(acknowledge(id));
  };
  run_once("known", true);
  run_once("unknown", false);
  REQUIRE(put(accepted("waiting")));
  clock.advance(std::chrono::hours{24 * 31});
  run_once("later", true);
  CHECK_FALSE(journal->job("known").value());
  CHECK(journal->job_seen("known").value());
  CHECK(code_of(put(accepted("known"))) == Errc::conflict);
  CHECK(journal->job("unknown").value());
  CHECK(journal->job("waiting").value());
  clock.advance(std::chrono::hours{24 * 366});
  run_once("much later", true);
  CHECK_FALSE(journal->job("unknown").value());
  CHECK(journal->job("waiting").value());
}

TEST_CASE_METHOD(Jobs, "job: a flood of refusals stays bounded and drives out nothing accepted",
                 "[journal]") {
  REQUIRE(put(accepted(first_id)));
  REQUIRE(journal->commit([&](Writes& w) -> Result<void> {
    for (int i = 0; i < 3'000; ++i)
      TRY(w.put_job(turned_away("payload " + std::to_string(i), "BadSignature")));
    return ok();
  }));
  const auto held = journal->jobs(10'000).value();
  CHECK(held.size() == 1'001);
  CHECK(held.front().payload_sha256 == "payload 2999");
  CHECK(held.back().id == first_id);
}

TEST_CASE("journal: one of version 1 is migrated with all that it knew", "[journal]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  const std::string path = folder.file("journal");
  write_file(path, "");
  tamper(path,
         journal_migrations().front() + "INSERT INTO facts VALUES('host', 'h1');" +
             "INSERT INTO jobs_seen VALUES('" + first_id + "', 'guest/acme', 1);" +
             "INSERT INTO operations(kind, subject, input, state, forward_only, started, updated) "
             "VALUES('guest.start', 'guest/acme', '{}', 'open', 0, 1, 1);"
             "PRAGMA application_id = " +
             std::to_string(journal_application_id) +
             "; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;");
  const auto journal = open_journal(inline_options(path), clock);
  CHECK(journal->fact("host").value() == "h1");
  CHECK(journal->job_seen(first_id).value());
  CHECK(journal->unfinished("guest/acme").value()->kind == "guest.start");
  CHECK(journal->jobs(10).value().empty());
  JobRecord job;
  job.id = second_id;
  job.payload_sha256 = "p";
  REQUIRE(journal->commit([&](Writes& w) { return w.put_job(job); }));
  CHECK(journal->waiting_jobs().value().size() == 1);
  CHECK(journal->verify());
}
