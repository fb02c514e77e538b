// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/explain.hpp"

#include <algorithm>

namespace holdfast {
namespace {

std::string current_step(const std::vector<StepRecord>& steps) {
  for (const StepRecord& step : steps)
    if (step.state == StepState::begun) return ", at step " + step.name;
  return "";
}

std::string about(const Operation& op, const std::vector<StepRecord>& steps) {
  std::string who = "Operation " + to_string(op.id) + " (" + op.kind + ")";
  const std::string cause = op.cause.empty() ? "" : ": " + op.cause;
  switch (op.state) {
    case OperationState::open:
      return who + " is under way" + current_step(steps) + "; it has tried " +
             std::to_string(op.attempts) + " times since it last got further.";
    case OperationState::rolling_back: return who + " is being taken back" + cause + ".";
    case OperationState::stuck:
      return who + " is stuck" + cause + ". It waits for a person: 'holdfast journal show " +
             to_string(op.id) + "'.";
    case OperationState::succeeded: return who + " succeeded.";
    case OperationState::rolled_back: return who + " was taken back" + cause + ".";
  }
  return who;
}

const TicketRecord* find_ticket(const std::vector<TicketRecord>& tickets, const std::string& id) {
  const auto found = std::find_if(tickets.begin(), tickets.end(),
                                  [&](const TicketRecord& ticket) { return ticket.id == id; });
  return found == tickets.end() ? nullptr : &*found;
}

// "grow disk root from 8Gi to 16Gi (rootDisk.size)"
std::string named(const PlannedAction& action) {
  const std::string what = describe(action.action);
  return action.field == "guest" ? what : what + " (" + action.field + ")";
}

std::string about_refusal(const PlannedAction& action, const std::vector<TicketRecord>& tickets) {
  std::string sentence = "Refused: " + named(action) + ", because " + action.reason + ".";
  if (!action.rule.empty()) sentence += " Rule " + action.rule + ".";
  const TicketRecord* ticket = find_ticket(tickets, action.ticket);
  if (ticket == nullptr) return sentence;
  return sentence + " To allow it, sign ticket " + ticket->id + ": 'holdfast ticket show " +
         ticket->id + "' says what signing does.";
}

void add_plan(const GuestPlan& plan, const Situation& situation,
              std::vector<std::string>& sentences) {
  for (const PlannedAction& action : plan.actions)
    if (action.verdict != Verdict::refused)
      sentences.push_back("To do: " + named(action) + ", because " + action.reason + ".");
  if (!plan.blocked.empty()) {  // by a clause, or by whole sentences
    const std::string end = plan.blocked_by.ends_with('.') ? "" : ".";
    sentences.push_back("Blocked (" + plan.blocked + "): " + plan.blocked_by + end);
  }
  for (const PlannedAction& action : plan.actions)
    if (action.verdict == Verdict::refused)
      sentences.push_back(about_refusal(action, situation.tickets));
  for (const std::string& pending : plan.pending)
    sentences.push_back("At its next stop: " + pending + ".");
  if (plan.is_waiting) sentences.emplace_back("The guest is on its way down; that is waited for.");
}

// Things that are true beside the plan.
void add_conditions(const std::vector<ConditionRecord>& conditions,
                    std::vector<std::string>& sentences) {
  for (const ConditionRecord& c : conditions) {
    const bool is_trouble = (c.type == "Oscillating" && c.status == ConditionStatus::yes) ||
                            (c.type == "Accepted" && c.reason == "Rejected") ||
                            (c.type == "Supported" && c.status == ConditionStatus::no) ||
                            (c.type == "Ready" && c.reason == "Failed");
    if (is_trouble) sentences.push_back(c.type + " (" + c.reason + "): " + c.message + ".");
  }
}

// What waits, and the newest that was not carried out.
void add_jobs(const std::vector<JobRecord>& jobs, std::vector<std::string>& sentences) {
  const auto name = [](const JobRecord& job) { return "Job " + job.id + " (" + job.action + ")"; };
  for (const JobRecord& job : jobs)
    if (job.state == JobState::accepted)
      sentences.push_back(name(job) + " waits for its turn; it expires at " +
                          to_string(job.expires) + ".");
  const auto ended = std::find_if(jobs.begin(), jobs.end(),
                                  [](const JobRecord& job) { return has_ended(job.state); });
  if (ended == jobs.end() || ended->state == JobState::done) return;
  const std::string code = ended->code.empty() ? "" : " (" + ended->code + ")";
  sentences.push_back(name(*ended) +
                      (ended->state == JobState::refused ? " was refused" : " failed") + code +
                      ": " + ended->message + ".");
}

void add_keeping(const Keeping& kept, const std::string& name,
                 std::vector<std::string>& sentences) {
  sentences.push_back("It was destroyed on a signed order. Its disks are kept until " +
                      to_string(kept.until) + ", then removed for good; 'holdfast undelete " +
                      name + "' brings it back until then.");
  if (kept.unwitnessed > Duration::zero())
    sentences.push_back("That is " + to_short_string(kept.unwitnessed) +
                        " later than 7 days by the clock: it jumped ahead, or the daemon did not "
                        "run, and only time that the daemon saw pass counts.");
  else if (kept.unwitnessed < Duration::zero())
    sentences.push_back("That is " + to_short_string(-kept.unwitnessed) +
                        " earlier than 7 days by the clock, which was set back; only time that "
                        "the daemon saw pass counts.");
}

}  // namespace

std::vector<std::string> explain(const Situation& situation) {
  std::vector<std::string> sentences;
  if (situation.operation) sentences.push_back(about(*situation.operation, situation.steps));
  if (situation.kept) add_keeping(*situation.kept, situation.name, sentences);
  if (!situation.plan)
    sentences.push_back("It cannot be told how guest " + situation.name +
                        " is, so nothing is done to it: " + situation.unknown + ".");
  else
    add_plan(*situation.plan, situation, sentences);
  add_conditions(situation.conditions, sentences);
  add_jobs(situation.jobs, sentences);
  if (sentences.empty() && situation.plan)
    sentences.push_back("Guest " + situation.name + " is as it is wanted.");
  return sentences;
}

}  // namespace holdfast
