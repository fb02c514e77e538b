// SPDX-License-Identifier: Apache-2.0
#include "journal/runner.hpp"

#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

// A step whose behaviour a test scripts; it logs what was called.
struct Script {
  std::vector<std::string> log{};

  Step step(const std::string& name) {
    Step made;
    made.name = name;
    made.input = name + " input";
    made.probe = [this, name]() -> Result<Probe> {
      log.push_back("probe " + name);
      return Probe::not_applied();
    };
    made.apply = [this, name]() -> Result<Effect> {
      log.push_back("apply " + name);
      return Effect::done(name + " output");
    };
    made.undo = [this, name]() -> Result<void> {
      log.push_back("undo " + name);
      return ok();
    };
    return made;
  }
};

struct Fixture : InMemory, Script {
  Operation op = journal->begin("test.kind", "guest/acme", "{}").value();

  Operation now() { return journal->operation(op.id).value(); }
  StepRecord record(const std::string& name) {
    for (auto& step : journal->steps(op.id).value()) {
      if (step.name == name) return step;
    }
    return {};
  }
  void mark_begun(const std::string& name) {
    REQUIRE(journal->commit([&](Writes& writes) { return writes.begun(op.id, name, "before"); }));
  }
};

Result<Effect> failing(Errc code) { return Error{code, "it failed"}; }

}  // namespace

TEST_CASE_METHOD(Fixture, "runner: steps run in order and leave their input and output",
                 "[journal][runner]") {
  const auto outcome = run(*journal, op, {step("one"), step("two")});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::succeeded);
  CHECK(log == std::vector<std::string>{"apply one", "apply two"});
  CHECK(now().state == OperationState::succeeded);
  CHECK(record("one").input == "one input");
  CHECK(record("two").output == "two output");
  CHECK(record("two").ended == clock.now());
}

TEST_CASE_METHOD(Fixture, "runner: running an operation that has ended does nothing",
                 "[journal][runner]") {
  RunPolicy policy;
  int ended = 0;
  policy.on_success = [&](Writes&) { return ++ended, ok(); };
  REQUIRE(run(*journal, op, {step("one")}, policy));
  const auto again = run(*journal, op, {step("one")}, policy);
  REQUIRE(again);
  CHECK(again->kind == RunOutcome::Kind::succeeded);
  CHECK(ended == 1);
  CHECK(log.size() == 1);
}

TEST_CASE_METHOD(Fixture, "runner: begun is durable before the effect", "[journal][runner]") {
  Step looking = step("one");
  StepState seen = StepState::pending;
  looking.apply = [&]() -> Result<Effect> {
    seen = record("one").state;
    return Effect::done();
  };
  REQUIRE(run(*journal, op, {looking}));
  CHECK(seen == StepState::begun);
}

TEST_CASE_METHOD(Fixture, "runner: a begun step is probed and not applied again when it is there",
                 "[journal][runner]") {
  mark_begun("one");
  Step there = step("one");
  there.probe = [&]() -> Result<Probe> { return Probe::applied("found it"); };
  REQUIRE(run(*journal, op, {there, step("two")}));
  CHECK(log == std::vector<std::string>{"apply two"});
  CHECK(record("one").output == "found it");
}

TEST_CASE_METHOD(Fixture, "runner: a begun step that did not take place is applied again",
                 "[journal][runner]") {
  mark_begun("one");
  REQUIRE(run(*journal, op, {step("one")}));
  CHECK(log == std::vector<std::string>{"probe one", "apply one"});
  CHECK(record("one").input == "one input");
}

TEST_CASE_METHOD(Fixture, "runner: when the world cannot be told it waits and never acts",
                 "[journal][runner]") {
  mark_begun("one");
  Step dark = step("one");
  dark.probe = []() -> Result<Probe> { return Probe::cannot_tell("the list was partial"); };
  RunPolicy policy;
  policy.max_attempts = 3;
  policy.look_again = Duration{77};
  const auto outcome = run(*journal, op, {dark}, policy);
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::waiting);
  CHECK(outcome->look_again == Duration{77});
  REQUIRE(outcome->cause);
  CHECK(outcome->cause->code() == Errc::unavailable);
  CHECK(outcome->cause->message().find("the list was partial") != std::string::npos);
  CHECK(now().attempts == 2);
  CHECK(log.empty());

  const auto last = run(*journal, op, {dark}, policy);
  REQUIRE(last);
  CHECK(last->kind == RunOutcome::Kind::stuck);
  CHECK(now().state == OperationState::stuck);
  CHECK(log.empty());
}

TEST_CASE_METHOD(Fixture, "runner: work in progress is waited for without counting attempts",
                 "[journal][runner]") {
  mark_begun("one");
  Step busy = step("one");
  busy.probe = []() -> Result<Probe> { return Probe::in_progress(); };
  for (int turn = 0; turn < 40; ++turn) {
    const auto outcome = run(*journal, op, {busy});
    REQUIRE(outcome);
    CHECK(outcome->kind == RunOutcome::Kind::waiting);
  }
  CHECK(now().attempts == 1);
}

TEST_CASE_METHOD(Fixture, "runner: a lost task ends the run, and the next one begins it again",
                 "[journal][runner]") {
  Step slow = step("one");
  int begun = 0;
  slow.apply = [&]() -> Result<Effect> {
    return Effect::running("UPID:" + std::to_string(++begun), Duration{50});
  };
  slow.poll = [](const StepRecord&) -> Result<Effect> {
    return Effect::lost({Errc::unavailable, "its worker was killed"});
  };
  RunPolicy policy;
  policy.max_attempts = 3;
  for (int turn = 1; turn < policy.max_attempts; ++turn) {
    REQUIRE(run(*journal, op, {slow}, policy));
    CHECK(begun == turn);
    const auto lost = run(*journal, op, {slow}, policy);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code() == Errc::unavailable);
    CHECK(record("one").task.empty());
    CHECK(now().attempts == turn);
  }
  REQUIRE(run(*journal, op, {slow}, policy));
  const auto last = run(*journal, op, {slow}, policy);
  REQUIRE(last);
  CHECK(last->kind == RunOutcome::Kind::stuck);
  CHECK(log == std::vector<std::string>{"probe one", "probe one"});
}

TEST_CASE_METHOD(Fixture, "runner: a task id is durable before it is polled", "[journal][runner]") {
  Step slow = step("one");
  int polls = 0;
  std::string polled{};
  slow.apply = []() -> Result<Effect> { return Effect::running("UPID:1", Duration{50}); };
  slow.poll = [&](const StepRecord& known) -> Result<Effect> {
    polled = known.task;
    if (++polls < 3) return Effect::running("UPID:1", Duration{60});
    return Effect::done("finished");
  };
  const auto first = run(*journal, op, {slow});
  REQUIRE(first);
  CHECK(first->kind == RunOutcome::Kind::waiting);
  CHECK(first->look_again == Duration{50});
  CHECK(polls == 0);
  CHECK(record("one").task == "UPID:1");
  REQUIRE(run(*journal, op, {slow}));
  REQUIRE(run(*journal, op, {slow}));
  const auto last = run(*journal, op, {slow});
  REQUIRE(last);
  CHECK(last->kind == RunOutcome::Kind::succeeded);
  CHECK(polled == "UPID:1");
  CHECK(polls == 3);
  CHECK(log.empty());
}

TEST_CASE_METHOD(Fixture, "runner: a task that its provider has forgotten is probed",
                 "[journal][runner]") {
  Step slow = step("one");
  slow.apply = []() -> Result<Effect> { return Effect::running("ours-1", Duration{50}); };
  slow.poll = [](const StepRecord&) { return failing(Errc::not_found); };
  slow.probe = []() -> Result<Probe> { return Probe::applied("it is there"); };
  REQUIRE(run(*journal, op, {slow}));
  const auto outcome = run(*journal, op, {slow});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::succeeded);
  CHECK(record("one").output == "it is there");
}

TEST_CASE_METHOD(Fixture, "runner: a task that failed turns the operation back",
                 "[journal][runner]") {
  Step slow = step("two");
  slow.apply = []() -> Result<Effect> { return Effect::running("t", Duration{50}); };
  slow.poll = [](const StepRecord&) { return failing(Errc::exhausted); };
  REQUIRE(run(*journal, op, {step("one"), slow}));
  const auto outcome = run(*journal, op, {step("one"), slow});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::rolled_back);
  CHECK(outcome->cause->code() == Errc::exhausted);
  CHECK(log == std::vector<std::string>{"apply one", "undo two", "undo one"});
}

TEST_CASE_METHOD(Fixture, "runner: a parked step stays begun and costs no attempt",
                 "[journal][runner]") {
  Step long_one = step("one");
  bool is_stopping = true;
  long_one.apply = [&]() -> Result<Effect> {
    return is_stopping ? Effect::parked() : Effect::done("whole");
  };
  const auto outcome = run(*journal, op, {long_one});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::parked);
  CHECK(now().attempts == 0);
  CHECK(now().state == OperationState::open);
  CHECK(record("one").state == StepState::begun);
  is_stopping = false;
  const auto next = run(*journal, op, {long_one});
  REQUIRE(next);
  CHECK(next->kind == RunOutcome::Kind::succeeded);
}

TEST_CASE_METHOD(Fixture, "runner: a failure that may pass is returned and counted",
                 "[journal][runner]") {
  const Errc code = GENERATE(Errc::unavailable, Errc::conflict);
  Step weak = step("one");
  weak.apply = [&] { return failing(code); };
  const auto outcome = run(*journal, op, {weak});
  CHECK(code_of(outcome) == code);
  CHECK(outcome.error().message() == "test.kind guest/acme: one: it failed");
  CHECK(now().state == OperationState::open);
  CHECK(now().attempts == 1);
}

TEST_CASE_METHOD(Fixture,
                 "runner: where nothing is tried again in place a failure ends the operation",
                 "[journal][runner]") {
  auto start = step("start");
  start.apply = [] { return failing(Errc::unavailable); };
  RunPolicy policy;
  policy.tries_again_in_place = false;
  const auto outcome = run(*journal, op, {start}, policy);
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::rolled_back);
  REQUIRE(outcome->cause);
  CHECK(outcome->cause->code() == Errc::unavailable);
  CHECK(now().state == OperationState::rolled_back);
}

TEST_CASE_METHOD(Fixture, "runner: attempts without progress end stuck and progress resets them",
                 "[journal][runner]") {
  Step weak = step("two");
  int applied = 0;
  weak.apply = [&] { return ++applied, failing(Errc::unavailable); };
  const std::vector<Step> steps{step("one"), weak};
  RunPolicy policy;
  policy.max_attempts = 4;
  for (int turn = 0; turn < 3; ++turn) CHECK_FALSE(run(*journal, op, steps, policy));
  CHECK(now().attempts == 3);  // `one` ended and was not counted
  const auto outcome = run(*journal, op, steps, policy);
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::stuck);
  CHECK(outcome->cause->code() == Errc::unavailable);
  CHECK(applied == 4);

  const auto still = run(*journal, op, steps, policy);
  REQUIRE(still);
  CHECK(still->kind == RunOutcome::Kind::stuck);
  CHECK(still->cause->message() == "two: it failed");
  CHECK(applied == 4);

  REQUIRE(journal->commit([&](Writes& writes) { return writes.unstick(op.id); }));
  CHECK(now().attempts == 0);
  CHECK_FALSE(run(*journal, op, steps, policy));
  CHECK(applied == 5);
}

TEST_CASE_METHOD(Fixture, "runner: a probe that fails is an attempt and turns nothing back",
                 "[journal][runner]") {
  mark_begun("one");
  Step blind = step("one");
  blind.probe = []() -> Result<Probe> { return Error{Errc::unavailable, "libvirt is away"}; };
  CHECK(code_of(run(*journal, op, {blind})) == Errc::unavailable);
  CHECK(now().attempts == 2);
  CHECK(now().state == OperationState::open);
}

TEST_CASE_METHOD(Fixture, "runner: any other failure undoes done and begun steps newest first",
                 "[journal][runner]") {
  const Errc code = GENERATE(Errc::invalid, Errc::denied, Errc::exhausted, Errc::corrupt,
                             Errc::not_found, Errc::internal);
  Step bad = step("three");
  bad.apply = [&] { return failing(code); };
  RunPolicy policy;
  policy.on_rollback = [](Writes& writes, const Error& cause) {
    return writes.set_fact("end", "rolled back: " + cause.message());
  };
  policy.on_success = [](Writes& writes) { return writes.set_fact("end", "succeeded"); };
  const auto outcome = run(*journal, op, {step("one"), step("two"), bad, step("never")}, policy);
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::rolled_back);
  CHECK(outcome->cause->code() == code);
  CHECK(log ==
        std::vector<std::string>{"apply one", "apply two", "undo three", "undo two", "undo one"});
  CHECK(now().state == OperationState::rolled_back);
  CHECK(journal->fact("end").value() == "rolled back: " + outcome->cause->message());
  CHECK(record("never").state == StepState::pending);
  const auto again = run(*journal, op, {step("one"), step("two"), bad}, policy);
  REQUIRE(again);
  CHECK(again->kind == RunOutcome::Kind::rolled_back);
  CHECK(again->cause->code() == code);
}

TEST_CASE_METHOD(Fixture, "runner: a failed undo keeps the operation rolling back until it sticks",
                 "[journal][runner]") {
  Step tight = step("one");
  bool lets_go = false;
  tight.undo = [&]() -> Result<void> {
    return lets_go ? ok() : Result<void>{Error{Errc::denied, "held"}};
  };
  Step bad = step("two");
  bad.apply = [&] { return failing(Errc::invalid); };
  RunPolicy policy;
  policy.max_attempts = 3;
  CHECK(code_of(run(*journal, op, {tight, bad}, policy)) == Errc::denied);
  CHECK(now().state == OperationState::rolling_back);
  CHECK_FALSE(run(*journal, op, {tight, bad}, policy));
  const auto outcome = run(*journal, op, {tight, bad}, policy);
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::stuck);
  CHECK(log == std::vector<std::string>{"apply one", "undo two"});  // and that once

  lets_go = true;
  REQUIRE(journal->commit([&](Writes& writes) { return writes.unstick(op.id); }));
  CHECK(now().state == OperationState::rolling_back);
  const auto freed = run(*journal, op, {tight, bad}, policy);
  REQUIRE(freed);
  CHECK(freed->kind == RunOutcome::Kind::rolled_back);
  CHECK(freed->cause->message() == "two: it failed");
}

TEST_CASE_METHOD(Fixture, "runner: past the step with no return nothing is undone",
                 "[journal][runner]") {
  Step final_one = step("one");
  final_one.no_return = true;
  Step bad = step("two");
  bad.apply = [&] { return failing(Errc::invalid); };
  const auto outcome = run(*journal, op, {final_one, bad});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::stuck);
  CHECK(now().forward_only);
  CHECK(log == std::vector<std::string>{"apply one"});
  CHECK(code_of(journal->commit([&](Writes& writes) -> Result<void> {
          TRY(writes.unstick(op.id));
          return writes.turn_back(op.id, "a person said so");
        })) == Errc::conflict);
}

TEST_CASE_METHOD(Fixture, "runner: a step without undo is passed on the way back",
                 "[journal][runner]") {
  Step plain = step("one");
  plain.undo = nullptr;
  Step bad = step("two");
  bad.apply = [&] { return failing(Errc::invalid); };
  const auto outcome = run(*journal, op, {plain, bad});
  REQUIRE(outcome);
  CHECK(outcome->kind == RunOutcome::Kind::rolled_back);
  CHECK(record("one").state == StepState::undone);
}

TEST_CASE_METHOD(Fixture, "runner: a step that the table has lost is corrupt",
                 "[journal][runner]") {
  mark_begun("gone");
  CHECK(code_of(run(*journal, op, {step("one")})) == Errc::corrupt);
  CHECK(log.empty());
}

TEST_CASE_METHOD(Fixture, "runner: a table with a nameless or doubled or blind step is refused",
                 "[journal][runner]") {
  Step blind = step("one");
  blind.probe = nullptr;
  CHECK(code_of(run(*journal, op, {blind})) == Errc::internal);
  CHECK(code_of(run(*journal, op, {step("one"), step("one")})) == Errc::internal);
  CHECK(code_of(run(*journal, op, {step("")})) == Errc::internal);
  CHECK(log.empty());
}

TEST_CASE_METHOD(Fixture, "runner: the end and the writes that belong to it are one commit",
                 "[journal][runner]") {
  RunPolicy policy;
  policy.on_success = [](Writes&) -> Result<void> { return Error{Errc::exhausted, "full"}; };
  CHECK(code_of(run(*journal, op, {step("one")}, policy)) == Errc::exhausted);
  CHECK(now().state == OperationState::open);
  CHECK(record("one").state == StepState::done);
  policy.on_success = [](Writes& writes) { return writes.set_fact("end", "yes"); };
  REQUIRE(run(*journal, op, {step("one")}, policy));
  CHECK(journal->fact("end").value() == "yes");
  CHECK(log == std::vector<std::string>{"apply one"});
}

TEST_CASE_METHOD(Fixture, "runner: steps are undone in the order they were begun in",
                 "[journal][runner]") {
  mark_begun("late");
  REQUIRE(journal->commit([&](Writes& writes) -> Result<void> {
    TRY(writes.done(op.id, "late", ""));
    TRY(writes.begun(op.id, "early", ""));
    return writes.turn_back(op.id, "denied: a test");
  }));
  REQUIRE(run(*journal, op, {step("early"), step("late")}));
  CHECK(log == std::vector<std::string>{"undo early", "undo late"});
}
