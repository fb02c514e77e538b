// SPDX-License-Identifier: Apache-2.0
#include "journal/runner.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "journal/writes.hpp"

namespace holdfast {
namespace {

// The kind goes into the journal with the message, so that an operation that was resumed
// after a restart ends with the same cause as one that was not.
std::string to_cause(const Error& error) {
  return std::string{to_string(error.code())}.append(": ").append(error.message());
}

Error from_cause(const std::string& cause) {
  constexpr std::array kinds{Errc::invalid,     Errc::not_found, Errc::conflict, Errc::denied,
                             Errc::unavailable, Errc::exhausted, Errc::corrupt};
  for (const Errc kind : kinds) {
    const std::string prefix = std::string{to_string(kind)} + ": ";
    if (cause.rfind(prefix, 0) == 0) return Error{kind, cause.substr(prefix.size())};
  }
  return Error{Errc::internal, cause};
}

// Worth another attempt, later and with nothing taken back.
bool may_pass(Errc kind) { return kind == Errc::unavailable || kind == Errc::conflict; }

// How running one step ended: it is done, or the run ends here for now.
using Ending = std::optional<RunOutcome>;
constexpr auto go_on = std::nullopt;

class Run {
 public:
  Run(Journal& journal, OperationId id, const std::vector<Step>& steps, const RunPolicy& policy)
      : journal_{journal}, id_{id}, steps_{steps}, policy_{policy} {}

  Result<RunOutcome> to_the_end() {
    TRY(check_step_table());
    const Operation op = TRY(journal_.operation(id_));
    switch (op.state) {
      case OperationState::open: return forward();
      case OperationState::rolling_back: return back();
      case OperationState::succeeded: return outcome(RunOutcome::Kind::succeeded);
      case OperationState::rolled_back: return outcome(RunOutcome::Kind::rolled_back, op.cause);
      case OperationState::stuck: return outcome(RunOutcome::Kind::stuck, op.cause);
    }
    return Error{Errc::internal, to_string(id_) + " is in no known state"};
  }

 private:
  Result<RunOutcome> forward();
  Result<RunOutcome> back();

  Result<Ending> take(const Step& step);
  Result<Ending> take_up(const Step& step, const StepRecord& record);
  Result<Ending> probe(const Step& step);
  Result<Ending> apply(const Step& step);
  Result<Ending> settle(const Step& step, const std::string& known_task, Effect effect);
  Result<Ending> lose(const Step& step, Error why);
  Result<Ending> fail(const Step& step, Error error);
  Result<Ending> turn_back(const Error& cause);
  Result<Ending> wait_uncertain(const Step& step, const std::string& why);
  Result<Ending> undo(const Step& step);
  Result<void> record_done(const Step& step, const std::string& output);
  Result<void> close(OperationState end, const std::function<Result<void>(Writes&)>& with);

  Result<void> check_step_table() const;
  Result<std::vector<StepRecord>> known_records() const;
  const Step* find(const std::string& name) const;
  Result<bool> attempts_are_used_up() const;
  Result<RunOutcome> stick(const Error& cause);

  static RunOutcome outcome(RunOutcome::Kind kind, const std::string& cause = {}) {
    RunOutcome ended{kind, {}, {}};
    if (!cause.empty()) ended.cause = from_cause(cause);
    return ended;
  }

  Journal& journal_;
  const OperationId id_;
  const std::vector<Step>& steps_;
  const RunPolicy& policy_;
};

Result<RunOutcome> Run::forward() {
  for (const Step& step : steps_) {
    if (const Ending ending = TRY(take(step))) return *ending;
  }
  TRY(close(OperationState::succeeded, policy_.on_success));
  return outcome(RunOutcome::Kind::succeeded);
}

// One step, from wherever the journal says it is.
Result<Ending> Run::take(const Step& step) {
  for (const StepRecord& record : TRY(known_records())) {
    if (record.name != step.name) continue;
    if (record.state == StepState::done) return Ending{go_on};
    return take_up(step, record);
  }
  return apply(step);
}

// A step that was begun before this run: its effect may or may not be there.
Result<Ending> Run::take_up(const Step& step, const StepRecord& record) {
  if (record.task.empty() || !step.poll) return probe(step);
  auto effect = step.poll(record);
  // The provider has forgotten the task, as after a restart: the world still knows.
  if (!effect && effect.error().code() == Errc::not_found) return probe(step);
  if (!effect) {
    TRY(journal_.commit([&](Writes& writes) { return writes.count_attempt(id_); }));
    return fail(step, std::move(effect).error());
  }
  return settle(step, record.task, std::move(effect).value());
}

Result<Ending> Run::probe(const Step& step) {
  auto found = step.probe();
  if (!found) {
    TRY(journal_.commit([&](Writes& writes) { return writes.count_attempt(id_); }));
    return fail(step, std::move(found).error());
  }
  switch (found->kind) {
    case Probe::Kind::applied: return settle(step, {}, Effect::done(found->note));
    case Probe::Kind::not_applied: return apply(step);
    case Probe::Kind::in_progress:
      return Ending{RunOutcome{RunOutcome::Kind::waiting, policy_.look_again, {}}};
    case Probe::Kind::cannot_tell: return wait_uncertain(step, found->note);
  }
  return Error{Errc::internal, step.name + ": a probe of no known kind"};
}

Result<Ending> Run::wait_uncertain(const Step& step, const std::string& why) {
  Error cause{Errc::unavailable, step.name + ": cannot tell whether it took place: " + why};
  TRY(journal_.commit([&](Writes& writes) { return writes.count_attempt(id_); }));
  if (TRY(attempts_are_used_up())) return Ending{TRY(stick(cause))};
  return Ending{RunOutcome{RunOutcome::Kind::waiting, policy_.look_again, std::move(cause)}};
}

Result<Ending> Run::apply(const Step& step) {
  // Only after a crash: a failure that uses up the last attempt sticks by itself.
  if (TRY(attempts_are_used_up())) {
    return Ending{TRY(
        stick(Error{Errc::internal, step.name + ": begun " + std::to_string(policy_.max_attempts) +
                                        " times and never ended"}))};
  }
  // Durable before the effect.
  TRY(journal_.commit([&](Writes& writes) { return writes.begun(id_, step.name, step.input); }));
  auto effect = step.apply();
  if (!effect && !policy_.tries_again_in_place && may_pass(effect.error().code()))
    return turn_back(std::move(effect).error().context(step.name));
  if (!effect) return fail(step, std::move(effect).error());
  return settle(step, {}, std::move(effect).value());
}

Result<Ending> Run::settle(const Step& step, const std::string& known_task, Effect effect) {
  switch (effect.kind) {
    case Effect::Kind::done: TRY(record_done(step, effect.text)); return Ending{go_on};
    case Effect::Kind::running:
      if (effect.text != known_task) {
        TRY(journal_.commit(
            [&](Writes& writes) { return writes.task(id_, step.name, effect.text); }));
      }
      return Ending{RunOutcome{RunOutcome::Kind::waiting, effect.look_again, {}}};
    case Effect::Kind::parked:
      TRY(journal_.commit([&](Writes& writes) { return writes.uncount_attempt(id_); }));
      return Ending{RunOutcome{RunOutcome::Kind::parked, {}, {}}};
    case Effect::Kind::lost:
      return lose(step, effect.failure.value_or(Error{Errc::internal, "lost for no reason"}));
  }
  return Error{Errc::internal, step.name + ": an effect of no known kind"};
}

// Without its task the step is probed by whoever comes next; the attempt was counted as it began.
Result<Ending> Run::lose(const Step& step, Error why) {
  TRY(journal_.commit([&](Writes& writes) { return writes.task(id_, step.name, ""); }));
  if (!policy_.tries_again_in_place && may_pass(why.code()))
    return turn_back(std::move(why).context(step.name));
  return fail(step, std::move(why));
}

// The attempt is in the journal already.
Result<Ending> Run::fail(const Step& step, Error error) {
  Error cause = std::move(error).context(step.name);
  if (may_pass(cause.code())) {
    if (TRY(attempts_are_used_up())) return Ending{TRY(stick(cause))};
    return cause;
  }
  return turn_back(cause);
}

Result<Ending> Run::turn_back(const Error& cause) {
  if (TRY(journal_.operation(id_)).forward_only) return Ending{TRY(stick(cause))};
  TRY(journal_.commit([&](Writes& writes) { return writes.turn_back(id_, to_cause(cause)); }));
  return Ending{TRY(back())};
}

// Newest first, by the order in which the steps were begun.
Result<RunOutcome> Run::back() {
  auto records = TRY(known_records());
  std::reverse(records.begin(), records.end());
  for (const StepRecord& record : records) {
    if (record.state == StepState::undone) continue;
    const Step& step = *find(record.name);
    if (TRY(attempts_are_used_up())) {
      return stick(Error{Errc::internal, "undo " + step.name + ": tried " +
                                             std::to_string(policy_.max_attempts) + " times"});
    }
    if (const Ending ending = TRY(undo(step))) return *ending;
  }
  const std::string cause = TRY(journal_.operation(id_)).cause;
  const auto with = [&](Writes& writes) -> Result<void> {
    return policy_.on_rollback ? policy_.on_rollback(writes, from_cause(cause)) : ok();
  };
  TRY(close(OperationState::rolled_back, with));
  return outcome(RunOutcome::Kind::rolled_back, cause);
}

Result<Ending> Run::undo(const Step& step) {
  if (step.undo) {
    TRY(journal_.commit([&](Writes& writes) { return writes.count_attempt(id_); }));
    if (auto undone = step.undo(); !undone) {
      Error cause = std::move(undone).error().context("undo " + step.name);
      if (TRY(attempts_are_used_up())) return Ending{TRY(stick(cause))};
      return cause;
    }
  }
  TRY(journal_.commit([&](Writes& writes) { return writes.undone(id_, step.name); }));
  return Ending{go_on};
}

// What must not be undone is marked in the same breath as it is done.
Result<void> Run::record_done(const Step& step, const std::string& output) {
  const auto record = [&](Writes& writes) -> Result<void> {
    if (step.no_return) TRY(writes.mark_forward_only(id_));
    return writes.done(id_, step.name, output);
  };
  return journal_.commit(record);
}

Result<void> Run::close(OperationState end, const std::function<Result<void>(Writes&)>& with) {
  const auto record = [&](Writes& writes) -> Result<void> {
    TRY(writes.close(id_, end));
    return with ? with(writes) : ok();
  };
  return journal_.commit(record);
}

Result<void> Run::check_step_table() const {
  std::set<std::string> names;
  for (const Step& step : steps_) {
    if (step.name.empty() || !step.probe || !step.apply || !names.insert(step.name).second) {
      return Error{Errc::internal,
                   "step '" + step.name + "' needs a name of its own, a probe and an apply"};
    }
  }
  return ok();
}

// Steps of the journal, all of which the table knows.
Result<std::vector<StepRecord>> Run::known_records() const {
  auto records = TRY(journal_.steps(id_));
  for (const StepRecord& record : records) {
    if (find(record.name) != nullptr) continue;
    return Error{Errc::corrupt, to_string(id_) + " has begun the step '" + record.name +
                                    "', which its step table does not know"};
  }
  return records;
}

const Step* Run::find(const std::string& name) const {
  const auto step = std::find_if(steps_.begin(), steps_.end(),
                                 [&](const Step& candidate) { return candidate.name == name; });
  return step == steps_.end() ? nullptr : &*step;
}

Result<bool> Run::attempts_are_used_up() const {
  return TRY(journal_.operation(id_)).attempts >= policy_.max_attempts;
}

Result<RunOutcome> Run::stick(const Error& cause) {
  TRY(journal_.commit([&](Writes& writes) { return writes.stick(id_, to_cause(cause)); }));
  return RunOutcome{RunOutcome::Kind::stuck, {}, cause};
}

}  // namespace

Result<RunOutcome> run(Journal& journal, const Operation& op, const std::vector<Step>& steps,
                       const RunPolicy& policy) {
  return Run{journal, op.id, steps, policy}.to_the_end().context(op.kind + " " + op.subject);
}

}  // namespace holdfast
