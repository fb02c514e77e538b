// SPDX-License-Identifier: Apache-2.0
// Kills an operation before and after each durable commit and each effect, and looks at
// the world that is left once it has been resumed.
#include <map>
#include <set>

#include "journal/runner.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

struct SimulatedCrash {};

// Counts the places where a process can die and dies at the chosen ones: the first number
// counts from the start, each further one from the crash before it.
class Fate final : public CommitObserver {
 public:
  explicit Fate(std::vector<int> crashes) : crashes_{std::move(crashes)} {}

  void pass() {
    ++passed_;
    if (died_ < crashes_.size() && passed_ == crashes_[died_]) {
      ++died_;
      passed_ = 0;
      throw SimulatedCrash{};
    }
  }
  void before_commit() override { pass(); }
  void after_commit() override { pass(); }

  int passed() const { return passed_; }
  bool all_happened() const { return died_ == crashes_.size(); }

 private:
  std::vector<int> crashes_;
  std::size_t died_ = 0;
  int passed_ = 0;
};

// What outlives the process. An effect that finds its thing already there has run twice.
struct World {
  std::set<std::string> things{};
  std::map<std::string, int> polls_left{};  // tasks by id
  int tasks_started = 0;
  int made_twice = 0;
  int failures_left = 0;
};

enum class Story { succeeds, last_step_is_refused, last_step_fails_twice, refused_past_no_return };

Step make_thing(World& world, Fate& fate, const std::string& name) {
  Step step;
  step.name = name;
  step.input = "make " + name;
  step.probe = [&world, name]() -> Result<Probe> {
    return world.things.count(name) != 0 ? Probe::applied("found") : Probe::not_applied();
  };
  step.apply = [&world, &fate, name]() -> Result<Effect> {
    fate.pass();
    if (!world.things.insert(name).second) ++world.made_twice;
    fate.pass();
    return Effect::done("made");
  };
  step.undo = [&world, &fate, name]() -> Result<void> {
    fate.pass();
    world.things.erase(name);
    fate.pass();
    return ok();
  };
  return step;
}

// A thing that a task makes: it is there once the task has been polled twice.
Step make_by_task(World& world, Fate& fate, const std::string& name) {
  Step step = make_thing(world, fate, name);
  step.probe = [&world, name]() -> Result<Probe> {
    if (world.things.count(name) != 0) return Probe::applied("found");
    if (world.polls_left.empty()) return Probe::not_applied();
    // Looking is what lets time pass here, or a lost task id would never end.
    if (--world.polls_left.begin()->second <= 0) world.things.insert(name);
    return Probe::in_progress();
  };
  step.apply = [&world, &fate]() -> Result<Effect> {
    fate.pass();
    if (!world.polls_left.empty()) ++world.made_twice;
    const std::string task = "task-" + std::to_string(++world.tasks_started);
    world.polls_left[task] = 2;
    fate.pass();
    return Effect::running(task, Duration{10});
  };
  step.poll = [&world, name](const StepRecord& record) -> Result<Effect> {
    if (world.polls_left.count(record.task) == 0) return Error{Errc::corrupt, "no such task"};
    if (--world.polls_left[record.task] > 0) return Effect::running(record.task, Duration{10});
    world.things.insert(name);
    return Effect::done("made by " + record.task);
  };
  return step;
}

std::vector<Step> tell(Story story, World& world, Fate& fate) {
  std::vector<Step> steps{make_thing(world, fate, "disk"), make_by_task(world, fate, "image"),
                          make_thing(world, fate, "domain")};
  if (story == Story::refused_past_no_return) steps[1].no_return = true;
  if (story == Story::succeeds) return steps;
  const bool passes = story == Story::last_step_fails_twice;
  const auto make = steps[2].apply;
  steps[2].apply = [&world, passes, make]() -> Result<Effect> {
    if (!passes) return Error{Errc::denied, "no"};
    if (world.failures_left > 0) {
      --world.failures_left;
      return Error{Errc::unavailable, "not now"};
    }
    return make();
  };
  return steps;
}

struct End {
  World world{};
  OperationState state{};
  std::string fact{};
  std::optional<Error> cause{};
  std::vector<StepRecord> steps{};
  int points = 0;  // passed since the last crash
  bool all_crashes_happened = false;
};

// Runs the story to its end, restarting the process after each crash.
End live_through(Story story, const std::vector<int>& crashes) {
  const ScratchFolder folder{fast_folder()};
  const StoppedClock clock;
  Fate fate{crashes};
  World world;
  world.failures_left = 2;
  End end;
  JournalOptions options = inline_options(folder.file("journal-0"));
  options.observer = &fate;
  RunPolicy policy;
  policy.on_success = [](Writes& writes) { return writes.set_fact("end", "success"); };
  policy.on_rollback = [](Writes& writes, const Error&) {
    return writes.set_fact("end", "rollback");
  };

  int lives = 0;
  for (int turns = 0; turns < 200; ++turns) {
    auto journal = open_journal(options, clock);
    try {
      auto op = journal->unfinished("guest/acme").value();
      if (!op && journal->recent("", 1).value().empty()) {
        op = journal->begin("guest.create", "guest/acme", "{}").value();
      }
      if (!op) op = journal->recent("", 1).value().front();  // died right after its end
      const auto steps = tell(story, world, fate);
      for (;;) {
        const auto outcome = run(*journal, *op, steps, policy);
        if (!outcome && outcome.error().code() == Errc::unavailable) continue;
        if (!outcome) throw std::runtime_error{outcome.error().describe()};
        if (outcome->kind == RunOutcome::Kind::waiting) continue;
        end.cause = outcome->cause;
        break;
      }
      const Operation last = journal->operation(op->id).value();
      end.world = world;
      end.state = last.state;
      end.fact = journal->fact("end").value().value_or("");
      end.steps = journal->steps(op->id).value();
      end.points = fate.passed();
      end.all_crashes_happened = fate.all_happened();
      return end;
    } catch (const SimulatedCrash&) {
      const std::string next = folder.file("journal-" + std::to_string(++lives));
      options.path = copy_as_killed(options.path, next);
    }
  }
  throw std::runtime_error{"the story has no end"};
}

void check_end(Story story, const End& end) {
  CHECK(end.world.made_twice == 0);
  switch (story) {
    case Story::succeeds:
    case Story::last_step_fails_twice:
      CHECK(end.state == OperationState::succeeded);
      CHECK(end.world.things == std::set<std::string>{"disk", "image", "domain"});
      CHECK(end.fact == "success");
      CHECK_FALSE(end.cause);
      for (const auto& step : end.steps) CHECK(step.state == StepState::done);
      break;
    case Story::last_step_is_refused:
      CHECK(end.state == OperationState::rolled_back);
      CHECK(end.world.things.empty());
      CHECK(end.fact == "rollback");
      REQUIRE(end.cause);
      CHECK(end.cause->code() == Errc::denied);
      CHECK(end.cause->message() == "domain: no");
      for (const auto& step : end.steps) CHECK(step.state == StepState::undone);
      break;
    case Story::refused_past_no_return:
      CHECK(end.state == OperationState::stuck);
      CHECK(end.world.things == std::set<std::string>{"disk", "image"});
      CHECK(end.fact.empty());
      REQUIRE(end.cause);
      CHECK(end.cause->code() == Errc::denied);
      break;
  }
}

Story any_story() {
  return GENERATE(Story::succeeds, Story::last_step_is_refused, Story::last_step_fails_twice,
                  Story::refused_past_no_return);
}

}  // namespace

TEST_CASE("crash: killed once at any point it ends as if it had not been", "[journal][crash]") {
  const Story story = any_story();
  const int points = live_through(story, {}).points;
  CHECK(points >= 16);
  for (int point = 1; point <= points; ++point) {
    CAPTURE(static_cast<int>(story), point);
    const End end = live_through(story, {point});
    CHECK(end.all_crashes_happened);
    check_end(story, end);
  }
}

TEST_CASE("crash: killed again while recovering it ends as if it had not been",
          "[journal][crash]") {
  const Story story = any_story();
  const int points = live_through(story, {}).points;
  int pairs = 0;
  for (int first = 1; first <= points; ++first) {
    for (int second = 1;; ++second) {
      CAPTURE(static_cast<int>(story), first, second);
      const End end = live_through(story, {first, second});
      check_end(story, end);
      if (!end.all_crashes_happened) break;  // it ended before the second could happen
      ++pairs;
    }
  }
  CHECK(pairs > points);
}

TEST_CASE("crash: killed three times in a row at the same distance it still ends",
          "[journal][crash]") {
  const Story story = any_story();
  const int points = live_through(story, {}).points;
  for (int point = 1; point <= points; ++point) {
    CAPTURE(static_cast<int>(story), point);
    check_end(story, live_through(story, {point, point, point}));
  }
}

TEST_CASE("crash: a step that always kills the process gets stuck", "[journal][crash]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  int applied = 0;
  Step step;
  step.name = "fatal";
  step.probe = []() -> Result<Probe> { return Probe::not_applied(); };
  step.apply = [&]() -> Result<Effect> {
    ++applied;
    throw SimulatedCrash{};
  };
  step.undo = []() -> Result<void> { return ok(); };
  JournalOptions options = inline_options(folder.file("journal-0"));
  const Operation op = open_journal(options, clock)->begin("k", "guest/acme", "{}").value();
  RunPolicy policy;
  policy.max_attempts = 5;
  for (int life = 1; life < 20; ++life) {
    auto journal = open_journal(options, clock);
    try {
      const auto outcome = run(*journal, op, {step}, policy);
      REQUIRE(outcome);
      CHECK(outcome->kind == RunOutcome::Kind::stuck);
      CHECK(journal->operation(op.id).value().state == OperationState::stuck);
      break;
    } catch (const SimulatedCrash&) {
      options.path = copy_as_killed(options.path, folder.file("journal-" + std::to_string(life)));
    }
  }
  CHECK(applied == 5);
}
