// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>

#include "journal/writes.hpp"
#include "tests/catch.hpp"
#include "tests/jobs/desk.hpp"

// The daemon dies before and after each durable commit of taking a job and carrying it out, once
// and twice; whoever sent the job sends it again, as a hub does that got no answer.
namespace holdfast::jobs {
namespace {

struct Death {};  // no std::exception: nothing catches it by accident

class DyingObserver final : public CommitObserver {
 public:
  void arm(int at) { left_ = at; }
  bool is_armed() const { return left_ > 0; }
  void before_commit() override { pass(); }
  void after_commit() override { pass(); }

 private:
  void pass() {
    if (left_ > 0 && --left_ == 0) throw Death{};
  }
  int left_ = 0;
};

// Begins the operation that a job is for, as a reconciler does, and ends it.
class Worker {
 public:
  explicit Worker(Desk& desk) : desk_{desk} {}

  void work() {
    for (const JobRecord& record : desk_.journal->waiting_jobs().value()) {
      if (!desk_.jobs->authority(record.id).value()) continue;
      const auto begun = desk_.journal->commit([&](Writes& writes) -> Result<void> {
        const auto id = writes.begin("test.destroy", record.subject, record.id, false);
        if (!id) return id.error();
        return writes.job_running(record.id, *id);
      });
      if (!begun) FAIL(begun.error().describe());
    }
    for (const Operation& operation : desk_.journal->unfinished().value()) finish(operation);
  }

  // What the world has seen: the effects themselves, which a death does not undo.
  std::map<std::string, int> effects{};

 private:
  void finish(const Operation& operation) {
    // A step that probes before it acts, as every step does.
    if (effects[operation.input] == 0) ++effects[operation.input];
    const auto ended = desk_.journal->commit([&](Writes& writes) -> Result<void> {
      if (auto closed = writes.close(operation.id, OperationState::succeeded); !closed)
        return closed;
      return writes.job_ended(operation.input, JobState::done, "", "");
    });
    if (!ended) FAIL(ended.error().describe());
  }

  Desk& desk_;
};

struct Run {
  bool died = false;
  std::string outcome{};
};

template <class Work>
Run play(int first, int second, const std::function<JobEnvelope(Desk&)>& order, Work work) {
  DyingObserver observer;
  Desk desk{&observer};
  const JobEnvelope envelope = order(desk);
  Worker worker{desk};
  Run run;
  std::vector<int> deaths{first, second};
  for (int attempt = 0; attempt < 4; ++attempt) {
    observer.arm(attempt < 2 ? deaths[static_cast<std::size_t>(attempt)] : 0);
    try {
      const auto answer = desk.intake->submit(envelope);
      REQUIRE(answer);
      // Also the second and third time it is taken, or was.
      REQUIRE((answer->kind == Answer::Kind::accepted || answer->kind == Answer::Kind::known));
      work(desk, worker);
      if (!observer.is_armed() && attempt >= 2) break;
    } catch (const Death&) {
      run.died = true;
    }
    observer.arm(0);
    desk.restart();
  }
  const auto record = desk.journal->job(std::string(32, '1')).value();
  REQUIRE(record);
  CHECK(record->state == JobState::done);
  CHECK(desk.journal->job_seen(record->id).value());
  CHECK(desk.audit("job").size() == 1);
  CHECK(desk.journal->verify_audit());
  CHECK(desk.journal->unfinished().value().empty());
  std::size_t operations = desk.journal->recent("", 100).value().size();
  CHECK(operations == 1);
  for (const auto& [id, times] : worker.effects) CHECK(times == 1);
  run.outcome = desk.operators().read()->text;
  return run;
}

template <class Work>
int enumerate(const std::function<JobEnvelope(Desk&)>& order, const Work& work) {
  int points = 0;
  for (int first = 1;; ++first) {
    CAPTURE(first);
    if (!play(first, 0, order, work).died) break;
    ++points;
  }
  for (int first = 1; first <= points; ++first)
    for (int second = 1; second <= points; ++second) {
      CAPTURE(first, second);
      play(first, second, order, work);
    }
  return points;
}

}  // namespace

TEST_CASE("job crash: killed at every point of taking a job it is carried out exactly once",
          "[jobs]") {
  const int points = enumerate([](Desk& desk) { return Desk::sign(desk.destroy_acme()); },
                               [](Desk&, Worker& worker) { worker.work(); });
  CHECK(points == 6);  // before and after: accepted, begun, ended
}

TEST_CASE("job crash: killed at every point of a key rotation the set is the old or the new one",
          "[jobs]") {
  const std::string next = Desk::ben.line("ben") + forge::Pair{4}.line("dora");
  const auto order = [&](Desk& desk) {
    Job job = desk.destroy_acme();
    job.action = "keys.rotate";
    job.guest.reset();
    job.params = {{"operators", next}, {"replaces", desk.operators().read()->digest}};
    return Desk::sign(job, {&Desk::anna, &Desk::ben});
  };
  const int points = enumerate(order, [&](Desk& desk, Worker&) {
    while (true) {
      const auto again = desk.rotation->run();
      REQUIRE(again);
      if (!*again) break;
    }
    CHECK(desk.operators().read()->text == next);
  });
  CHECK(points >= 8);
}

}  // namespace holdfast::jobs
