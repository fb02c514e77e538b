// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "journal/journal.hpp"
#include "journal/operation.hpp"

namespace holdfast {

// What the world says of a step that was begun and whose end is not journaled.
struct Probe {
  enum class Kind { not_applied, applied, in_progress, cannot_tell };
  Kind kind = Kind::cannot_tell;
  std::string note{};  // applied: the step's output; cannot_tell: why, for people

  static Probe not_applied() { return {Kind::not_applied, {}}; }
  static Probe applied(std::string output = {}) { return {Kind::applied, std::move(output)}; }
  static Probe in_progress() { return {Kind::in_progress, {}}; }
  static Probe cannot_tell(std::string why) { return {Kind::cannot_tell, std::move(why)}; }
};

// What came of applying or polling a step.
struct Effect {
  enum class Kind {
    done,     // the effect is complete
    running,  // an asynchronous task goes on under `text`; poll it after `look_again`
    parked,   // stopped on request before its end; the step stays begun and is probed later
    lost,     // the task ended without its effect, or nobody knows; `failure` says why
  };
  Kind kind = Kind::done;
  std::string text{};  // done: output; running: the task id, committed before it is polled
  Duration look_again{};
  std::optional<Error> failure{};

  static Effect done(std::string output = {}) { return {Kind::done, std::move(output), {}, {}}; }
  static Effect running(std::string task, Duration look_again) {
    return {Kind::running, std::move(task), look_again, {}};
  }
  static Effect parked() { return {Kind::parked, {}, {}, {}}; }
  // The run ends as if applying had failed with `why`; one that may pass lets the next run
  // probe the world and begin the step again, which counts as one attempt more.
  static Effect lost(Error why) { return {Kind::lost, {}, {}, std::move(why)}; }
};

// One step: exactly one external effect, written down before it happens.
//   probe  looks by our UUID, never by name, whether a begun effect took place;
//   apply  makes it happen; called only when it has not;
//   poll   for steps whose apply answers `running`: the task's real state;
//   undo   destroys only what this operation created; idempotent, accepts a
//          half-applied step. Empty: there is nothing to undo.
// Names are journal records: unique in their operation, never renamed once released.
struct Step {
  std::string name{};
  std::string input{};  // what is about to be done, for the journal and its readers
  std::function<Result<Probe>()> probe{};
  std::function<Result<Effect>()> apply{};
  std::function<Result<Effect>(const StepRecord&)> poll{};
  std::function<Result<void>()> undo{};
  bool no_return = false;  // once done, the operation only goes forward
};

struct RunOutcome {
  enum class Kind {
    succeeded,
    rolled_back,  // `cause` says what failed
    waiting,      // a task runs, or the world cannot be told: look again after `look_again`
    parked,       // shutting down: the next start resumes it
    stuck,        // attempts are used up, or a forward-only step failed for good
  };
  Kind kind = Kind::succeeded;
  Duration look_again{};
  std::optional<Error> cause{};
};

struct RunPolicy {
  int max_attempts = 28;  // effects begun without one finishing (Mender's loop guard)
  // False where nothing has to be undone and what is wanted may change meanwhile: a step
  // that fails for whatever reason ends its operation, and the next plan decides anew.
  bool tries_again_in_place = true;
  Duration look_again{2'000};  // after `cannot_tell` and `in_progress` without a task
  // Writes that must become durable together with the end of the operation.
  std::function<Result<void>(Writes&)> on_success{};
  std::function<Result<void>(Writes&, const Error& cause)> on_rollback{};
};

// Runs `op` as far as it can go now: to its end, or until it has to wait. The same
// call starts and resumes it: it reads the journal before it acts, so there is no
// second recovery path. Never sleeps.
//
// An Error of kind unavailable or conflict leaves the operation open, to be run
// again later; the attempt is counted. Any other failure of a step turns the
// operation back, newest step first, unless it is forward-only: then it is stuck.
// An Error from here means the same to the caller as from a single step: back off.
Result<RunOutcome> run(Journal& journal, const Operation& op, const std::vector<Step>& steps,
                       const RunPolicy& policy = {});

}  // namespace holdfast
