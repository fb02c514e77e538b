// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_reconciler.hpp"

#include <algorithm>
#include <set>

#include "journal/runner.hpp"
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_conditions.hpp"
#include "reconcilers/guest/guest_jobs.hpp"
#include "reconcilers/guest/guest_observation.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_refusals.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

constexpr int most_operations_a_pass = 16;
constexpr Duration after_many{1'000};
constexpr Duration while_stopping{2'000};
constexpr Duration while_locked{10'000};
constexpr Duration while_refused = std::chrono::hours{1};  // tickets are renewed in time

// `written` is what the journal says of the guest now.
Result<void> write_conditions(const GuestWorld& world, const std::string& name,
                              const std::vector<PlannedCondition>& conditions,
                              const std::vector<ConditionRecord>& written,
                              std::uint64_t generation) {
  const auto changed = changed_conditions(conditions, written, generation);
  if (changed.empty()) return ok();
  return world.journal.commit([&](Writes& writes) -> Result<void> {
    for (const ConditionRecord& condition : changed)
      TRY(writes.put(guest_subject(name), condition));
    return ok();
  });
}

Result<void> write_conditions(const GuestWorld& world, const std::string& name,
                              const std::vector<PlannedCondition>& conditions,
                              std::uint64_t generation) {
  return write_conditions(world, name, conditions,
                          TRY(world.journal.conditions(guest_subject(name))), generation);
}

// The generation that conditions are about while nothing was planned.
std::uint64_t generation_of(const GuestWorld& world, const std::string& name) {
  const auto desired = world.desired.find(name);
  return desired ? desired->generation : 0;
}

// Says that the guest cannot be told, and passes the reason on. Said once: how exactly a
// provider words its absence does not matter.
Error unknown(const GuestWorld& world, const std::string& name, Error cause) {
  const auto written = world.journal.conditions(guest_subject(name));
  if (!written) return cause;
  const ConditionRecord* before = find_condition(*written, "Observed");
  const std::string reason = cause.code() == Errc::corrupt ? "Unreadable" : "ProviderUnavailable";
  if (before != nullptr && before->status == ConditionStatus::unknown && before->reason == reason)
    return cause;
  // A journal that cannot be written now will say so to whoever writes next.
  static_cast<void>(write_conditions(
      world, name,
      {{"Observed", ConditionStatus::unknown, reason, cause.message()},
       {"Ready", ConditionStatus::unknown, reason, "it cannot be told how the guest is"}},
      generation_of(world, name)));
  return cause;
}

// A provider that is away must not use up an operation's attempts.
Result<host::ObservedGuestPtr> observe_subject(const GuestWorld& world, const Operation& op) {
  const Uuid uuid = TRY(subject_of(op));
  return world.host.inventory.observe(uuid).context("observe");
}

// Nor must a lock that is not of the operation's own task.
Result<bool> is_locked_out(const GuestWorld& world, const Operation& op,
                           const host::ObservedGuestPtr& observed) {
  if (!observed || observed->lock.empty() || world.host.tasks == nullptr) return false;
  for (const StepRecord& record : TRY(world.journal.steps(op.id))) {
    if (record.state != StepState::begun || record.task.empty()) continue;
    const auto state = world.host.tasks->look(record.task);
    if (state && state->is_running) return false;
  }
  return true;
}

std::vector<PlannedCondition> locked_out(const Operation& op, const std::string& lock) {
  const std::string message = to_string(op.id) + " (" + op.kind +
                              ") waits: the provider says that the guest is locked (" + lock +
                              "), by somebody else or by a task that died; Holdfast never takes "
                              "such a lock away, root on the node can";
  return {{"Blocked", ConditionStatus::yes, "LockedByOther", message},
          {"Ready", ConditionStatus::no, "LockedByOther", message}};
}

std::vector<PlannedCondition> stuck(const Operation& op, const std::string& cause) {
  const std::string message = to_string(op.id) + " (" + op.kind + ") waits for a person: " + cause;
  return {{"Blocked", ConditionStatus::yes, "Stuck", message},
          {"Ready", ConditionStatus::no, "Stuck", message},
          {"Progressing", ConditionStatus::no, "Stuck", message}};
}

std::vector<PlannedCondition> working(const Operation& op, const std::string& how) {
  const std::string message = to_string(op.id) + " (" + op.kind + ")" + how;
  return {{"Ready", ConditionStatus::no, "Working", message},
          {"Progressing", ConditionStatus::yes, "Working", message}};
}

std::vector<PlannedCondition> failed(const Operation& op, const Error& cause) {
  const std::string message =
      to_string(op.id) + " (" + op.kind + ") was rolled back: " + cause.message();
  return {{"Ready", ConditionStatus::no, "Failed", message},
          {"Progressing", ConditionStatus::no, "Failed", message}};
}

// What run() came to: nothing when the pass may go on.
Result<std::optional<Requeue>> conclude(const GuestWorld& world, const std::string& name,
                                        const Operation& op, const RunOutcome& outcome) {
  const Logger log = world.log.with("guest", name).with("operation", to_string(op.id));
  const std::uint64_t generation = generation_of(world, name);
  const std::string why = outcome.cause ? outcome.cause->message() : "";
  switch (outcome.kind) {
    case RunOutcome::Kind::succeeded:
      log.info("operation succeeded", {{"kind", op.kind}});
      return std::optional<Requeue>{};
    case RunOutcome::Kind::waiting:
      TRY(write_conditions(world, name, working(op, why.empty() ? "" : ": " + why), generation));
      return std::optional<Requeue>{Requeue::waiting(outcome.look_again)};
    case RunOutcome::Kind::parked:
      log.info("operation parked", {{"kind", op.kind}});
      return std::optional<Requeue>{Requeue::never()};
    case RunOutcome::Kind::stuck:
      log.error("operation is stuck", {{"kind", op.kind}, {"cause", why}});
      TRY(write_conditions(world, name, stuck(op, why), generation));
      return std::optional<Requeue>{Requeue::never()};
    case RunOutcome::Kind::rolled_back: break;
  }
  const Error cause = outcome.cause.value_or(Error{Errc::internal, "rolled back for no reason"});
  log.warn("operation rolled back", {{"kind", op.kind}, {"cause", cause.message()}});
  TRY(write_conditions(world, name, failed(op, cause), generation));
  return cause;
}

// Takes up what is unfinished, and says when to come back for it; nothing when there is
// none, or no more.
Result<std::optional<Requeue>> finish(const GuestWorld& world, const std::string& name) {
  const auto op = TRY(world.journal.unfinished(guest_subject(name)));
  if (!op) return std::optional<Requeue>{};
  if (op->state == OperationState::stuck) {
    TRY(write_conditions(world, name, stuck(*op, op->cause), generation_of(world, name)));
    return std::optional<Requeue>{Requeue::never()};
  }
  const auto observed = observe_subject(world, *op);
  if (!observed) return unknown(world, name, observed.error());
  if (TRY(is_locked_out(world, *op, *observed))) {
    TRY(write_conditions(world, name, locked_out(*op, (*observed)->lock),
                         generation_of(world, name)));
    return std::optional<Requeue>{Requeue::after(while_locked)};
  }
  const auto operation = load_operation(world, *op);
  if (!operation) {
    TRY(write_conditions(world, name, stuck(*op, operation.error().message()),
                         generation_of(world, name)));
    return operation.error();
  }
  auto outcome = run(world.journal, *op, operation->steps, TRY(policy_of(world, *op, *operation)));
  if (!outcome) {
    TRY(write_conditions(world, name, working(*op, " is tried again: " + outcome.error().message()),
                         generation_of(world, name)));
    return std::move(outcome).error();
  }
  return conclude(world, name, *op, *outcome);
}

// Desired state did not change since all was well: whatever differs now was changed by
// somebody else.
bool is_correction(const std::vector<ConditionRecord>& written, std::uint64_t generation) {
  const ConditionRecord* ready = find_condition(written, "Ready");
  if (ready == nullptr || ready->observed_generation != generation) return false;
  return ready->status == ConditionStatus::yes || ready->reason == "NeedsSignature";
}

Result<void> begin_action(const GuestWorld& world, const GuestFacts& facts, const GuestPlan& plan,
                          const std::vector<ConditionRecord>& written,
                          const PlannedAction& planned) {
  const std::string subject = guest_subject(facts.name);
  const NewOperation operation = TRY(
      std::visit([&](const auto& action) { return begin(world, facts, action); }, planned.action));
  const auto conditions = changed_conditions(plan.conditions, written, plan.generation);
  const bool corrects = is_correction(written, plan.generation);
  OperationId begun{};
  const auto write = [&](Writes& writes) -> Result<void> {
    const OperationId id =
        TRY(writes.begin(operation.kind, subject, operation.input, operation.forward_only));
    begun = id;
    if (operation.claim) {
      Provenance claim = *operation.claim;
      claim.created_by = id;
      TRY(writes.put(claim));
    }
    for (const ConditionRecord& condition : conditions) TRY(writes.put(subject, condition));
    if (corrects)
      for (const std::string& field : planned.fields) TRY(writes.corrected(subject, field));
    return ok();
  };
  TRY(world.journal.commit(write).context(describe(planned.action)));
  world.log.with("guest", facts.name)
      .with("operation", to_string(begun))
      .info("operation begun", {{"action", describe(planned.action)}, {"reason", planned.reason}});
  return ok();
}

Result<void> remember_moved(const GuestWorld& world, const GuestFacts& facts,
                            const GuestIdentity& moved) {
  Provenance row = *facts.provenance;
  row.detail = to_json(moved);
  return world.journal.commit([&](Writes& writes) { return writes.put(row); });
}

// What is left of the days for which something of this guest, or of its name, is kept.
std::vector<Duration> kept_here(const GuestFacts& facts) {
  std::vector<Duration> left;
  for (const Tombstone& stone : facts.tombstones)
    if (const auto since = destroyed_at(stone.provenance))
      left.push_back(left_to_keep(*since, facts.now));
  if (facts.identity)
    for (const SetAside& aside : facts.identity->aside)
      left.push_back(left_to_keep(set_aside_at(aside), facts.now));
  return left;
}

Requeue requeue_of(const GuestFacts& facts, const GuestPlan& plan, std::optional<Duration> delay) {
  const auto at_most = [&](Duration wait) { delay = delay ? std::min(*delay, wait) : wait; };
  if (plan.is_waiting) at_most(while_stopping);
  if (!plan.actions.empty()) at_most(while_refused);
  // One that is due and was not freed waits for a person, not for time.
  for (const Duration left : kept_here(facts))
    if (left > Duration::zero()) at_most(std::max(left, after_many));
  return {delay};
}

// One look and at most one operation begun. Nothing: look again now.
Result<std::optional<Requeue>> look_once(const GuestWorld& world, const std::string& name) {
  TRY(end_expired_jobs(world, guest_subject(name)));
  if (auto unfinished = TRY(finish(world, name))) return unfinished;
  auto turn = take_up_job(world, name);  // before all that desired state wants
  if (!turn) return unknown(world, name, std::move(turn).error());
  if (turn->is_taken) return std::optional<Requeue>{};
  const auto desired = world.desired.find(name);
  if (!desired) return std::optional<Requeue>{Requeue{turn->waits}};
  const auto shared = TRY(shared_facts(world));
  auto gathered = gather_facts(world, name, *desired, shared);
  if (!gathered) return unknown(world, name, std::move(gathered).error());
  GuestFacts& facts = *gathered;
  const auto written = TRY(world.journal.conditions(guest_subject(name)));
  const GuestPlan plan = TRY(plan_with_history(world, facts, written));
  if (plan.moved) {
    TRY(remember_moved(world, facts, *plan.moved));
    return std::optional<Requeue>{};
  }
  TRY(write_refusals(world, facts, plan));
  if (const PlannedAction* next = plan.next()) {
    TRY(begin_action(world, facts, plan, written, *next));
    return std::optional<Requeue>{};
  }
  TRY(write_conditions(world, name, plan.conditions, written, plan.generation));
  return std::optional<Requeue>{requeue_of(facts, plan, turn->waits)};
}

// Whether a pass over this guest would do or write anything.
enum class Need { none, blocked, pass };

Result<Need> need_of(const GuestWorld& world, const std::string& name, const SharedFacts& shared) {
  const auto desired = world.desired.find(name);
  if (!desired) return Need::none;
  GuestFacts facts = TRY(gather_facts(world, name, *desired, shared));
  const auto written = TRY(world.journal.conditions(guest_subject(name)));
  const GuestPlan plan = TRY(plan_with_history(world, facts, written));
  if (plan.next() != nullptr || plan.is_waiting || plan.moved ||
      !changed_conditions(plan.conditions, written, plan.generation).empty())
    return Need::pass;
  return plan.blocked.empty() ? Need::none : Need::blocked;
}

// Those with an operation that can go on by itself, or with a job that waits.
Result<std::set<std::string>> guests_with_open_work(const Journal& journal) {
  std::set<std::string> guests;
  for (const Operation& op : TRY(journal.unfinished())) {
    const auto name = guest_name_of(op.subject);
    if (name && op.state != OperationState::stuck) guests.insert(*name);
  }
  for (const JobRecord& job : TRY(journal.waiting_jobs()))
    if (const auto name = guest_name_of(job.subject)) guests.insert(*name);
  return guests;
}

}  // namespace

Result<Requeue> GuestReconciler::reconcile(const std::string& name) {
  for (int round = 0; round < most_operations_a_pass; ++round) {
    if (world_.stop.stop_requested()) return Requeue::never();
    if (const auto done = TRY(look_once(world_, name))) return *done;
  }
  return Requeue::after(after_many);  // others want their turn
}

Result<GuestPlan> GuestReconciler::plan(const std::string& name) const {
  const auto desired = world_.desired.find(name);
  if (!desired) return Error{Errc::unavailable, "no desired state was accepted yet"};
  return plan(name, *desired);
}

Result<GuestPlan> GuestReconciler::plan(const std::string& name,
                                        const DesiredGuest& desired) const {
  const auto shared = TRY(shared_facts(world_));
  GuestFacts facts = TRY(gather_facts(world_, name, desired, shared));
  const auto written = TRY(world_.journal.conditions(guest_subject(name)));
  GuestPlan plan = TRY(plan_with_history(world_, facts, written));
  TRY(fill_in_rules(world_, facts, plan));
  return plan;
}

Result<GuestReconciler::OutOfSync> GuestReconciler::out_of_sync(
    const host::Inventory& inventory) const {
  SharedFacts shared = TRY(shared_facts(world_));
  shared.inventory = &inventory;
  std::set<std::string> needy = TRY(guests_with_open_work(world_.journal));
  std::set<std::string> names;
  for (const std::string& name : world_.desired.names()) names.insert(name);
  for (const Provenance& row : shared.rows)
    if (const auto name = guest_name_of(row.subject)) names.insert(*name);
  OutOfSync judged;
  for (const std::string& name : names) {
    if (needy.count(name) > 0) continue;
    const auto need = need_of(world_, name, shared);
    // What cannot be judged here is looked at there.
    if (!need || *need == Need::pass) needy.insert(name);
    if (need && *need == Need::blocked) judged.has_blocked = true;
  }
  judged.guests.assign(needy.begin(), needy.end());
  return judged;
}

Result<bool> GuestReconciler::keeps_anything() const {
  for (const Provenance& row : TRY(world_.journal.all_provenance())) {
    if (row.life == Life::tombstone) return true;
    const auto identity = parse_identity(row.detail);
    if (identity && !identity->aside.empty()) return true;
  }
  return false;
}

Result<std::vector<std::string>> GuestReconciler::known_guests() const {
  std::set<std::string> names;
  for (const Provenance& row : TRY(world_.journal.all_provenance()))
    if (const auto name = guest_name_of(row.subject)) names.insert(*name);
  return std::vector<std::string>{names.begin(), names.end()};
}

}  // namespace holdfast
