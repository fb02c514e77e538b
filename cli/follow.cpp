// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.hpp"

#include <algorithm>
#include <set>
#include <variant>

#include "cli/progress_bar.hpp"
#include "cli/render.hpp"
#include "schema/desired_state.hpp"

namespace holdfast::cli {
namespace {

constexpr Duration poll_interval{500};
constexpr std::size_t operations_looked_at = 20;

bool is_finished(const std::string& state) {
  return state == "succeeded" || state == "rolled_back" || state == "rolled-back";
}

std::string label_of(const OperationReport& operation) {
  const std::string text = operation.subject + ": " + operation.kind;
  if (!operation.progress_text.empty()) return text + ", " + operation.progress_text;
  return operation.step.empty() ? text : text + ", " + operation.step;
}

void say_stuck(const Invocation& invocation, const OperationReport& operation) {
  invocation.say(operation.id + " (" + operation.kind + " of " + operation.subject +
                 ") is stuck: " + operation.cause);
  invocation.say("put right what it names, then `holdfast journal retry " + operation.id +
                 "` or `holdfast journal rollback " + operation.id + "`");
}

bool is_only_refused(const PlanReport& plan) {
  return !plan.actions.empty() && plan.unknown.empty() &&
         std::all_of(plan.actions.begin(), plan.actions.end(),
                     [](const PlanAction& action) { return action.verdict == Verdict::refused; });
}

const OperationReport* find_state(const std::vector<OperationReport>& operations,
                                  const std::set<std::string>& subjects, bool is_stuck) {
  for (const auto& operation : operations)
    if (subjects.contains(operation.subject) && !is_finished(operation.state) &&
        (operation.state == "stuck") == is_stuck)
      return &operation;
  return nullptr;
}

// What the next pass has to do with; what is refused is nobody's work.
std::string awaited(const PlanReport& plan) {
  for (const auto& action : plan.actions)
    if (action.verdict != Verdict::refused) return action.subject;
  return plan.unknown.empty() ? "the next pass"
                              : plan.unknown.front().substr(0, plan.unknown.front().find(": "));
}

std::set<std::string> subjects_of(const PlanReport& plan) {
  std::set<std::string> subjects;
  for (const auto& entry : plan.unknown) subjects.insert(entry.substr(0, entry.find(": ")));
  for (const auto& action : plan.actions) subjects.insert(action.subject);
  return subjects;
}

// What a plan may speak of when `text` was applied: its guests, and the host as a whole.
Result<std::set<std::string>> subjects_in(const std::string& text) {
  const auto content = TRY(parse_file(text, "what was applied"));
  std::set<std::string> subjects{"host"};
  const auto add = [&](const std::vector<Guest>& guests) {
    for (const auto& guest : guests) subjects.insert("guest/" + guest.name);
  };
  if (const auto* loose = std::get_if<Resources>(&content)) add(loose->guests);
  if (const auto* whole = std::get_if<HostDesiredState>(&content)) add(whole->guests);
  return subjects;
}

void leave_out_others(PlanReport& plan, const std::set<std::string>& subjects) {
  const auto is_other = [&](const std::string& subject) { return !subjects.contains(subject); };
  const auto speaks_of_other = [&](const std::string& entry) {
    return is_other(entry.substr(0, entry.find(": ")));
  };
  std::erase_if(plan.actions, [&](const auto& action) { return is_other(action.subject); });
  std::erase_if(plan.unknown, speaks_of_other);
  std::erase_if(plan.pending, speaks_of_other);
  plan.in_sync = plan.actions.empty() && plan.unknown.empty();
}

void draw_wait(ProgressBar& bar, const OperationReport* running, const PlanReport& plan) {
  if (running != nullptr) {
    bar.draw(label_of(*running), running->progress);
  } else {
    bar.draw("waiting for " + awaited(plan), std::nullopt);
  }
}

}  // namespace

Result<Exit> follow_operation(const Invocation& invocation, OperationId id, Duration limit) {
  const auto daemon = invocation.daemon();
  const Clock& clock = invocation.environment().clock;
  const Duration deadline = clock.elapsed() + limit;
  ProgressBar bar{invocation.environment()};
  for (;;) {
    const auto operation = TRY(daemon.operation(id)).operation;
    if (operation.state == "succeeded") {
      bar.clear();
      invocation.say(operation.id + " succeeded");
      return Exit::done;
    }
    if (is_finished(operation.state)) {
      bar.clear();
      invocation.say(operation.id + " turned back, nothing was changed: " + operation.cause);
      return Exit::failed;
    }
    if (operation.state == "stuck") {
      bar.clear();
      say_stuck(invocation, operation);
      return Exit::failed;
    }
    if (clock.elapsed() >= deadline) {
      bar.clear();
      invocation.say(operation.id + " still runs after " + to_short_string(limit) +
                     "; it goes on without us");
      return Exit::differs;
    }
    bar.draw(label_of(operation), operation.progress);
    invocation.environment().sleep(poll_interval);
  }
}

Result<Exit> follow_until_in_sync(const Invocation& invocation, const std::string& text,
                                  Duration limit) {
  const auto daemon = invocation.daemon();
  const Clock& clock = invocation.environment().clock;
  const Duration started = clock.elapsed();
  const auto applied = TRY(subjects_in(text));
  ProgressBar bar{invocation.environment()};
  for (;;) {
    auto plan = TRY(daemon.plan(text));
    leave_out_others(plan, applied);
    const Duration passed = clock.elapsed() - started;
    if (plan.in_sync && plan.unknown.empty()) {
      bar.clear();
      invocation.say("what was applied is in sync after " + to_short_string(passed));
      invocation.environment().err << render_pending(plan, invocation.message_style());
      return Exit::done;
    }
    const auto subjects = subjects_of(plan);
    const auto operations = TRY(daemon.operations("", operations_looked_at));
    if (const auto* stuck = find_state(operations, subjects, true)) {
      bar.clear();
      say_stuck(invocation, *stuck);
      return Exit::failed;
    }
    const auto* running = find_state(operations, subjects, false);
    const bool is_blocked = is_only_refused(plan) && running == nullptr;
    if (is_blocked || passed >= limit) {
      bar.clear();
      invocation.say(is_blocked ? "everything that needs no signature is done; this is refused:"
                                : "not in sync after " + to_short_string(limit) + ":");
      invocation.environment().err << render_plan(plan, invocation.message_style(), false);
      return Exit::differs;
    }
    draw_wait(bar, running, plan);
    invocation.environment().sleep(poll_interval);
  }
}

}  // namespace holdfast::cli
