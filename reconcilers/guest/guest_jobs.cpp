// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_jobs.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <variant>

#include "gate/codes.hpp"
#include "journal/writes.hpp"
#include "reconcilers/guest/backup_orders.hpp"
#include "reconcilers/guest/disk_orders.hpp"
#include "reconcilers/guest/executed_jobs.hpp"
#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/snapshot_order.hpp"

namespace holdfast {
namespace {

using Answer = std::variant<NewOperation, OrderRefusal>;

constexpr Duration await_desired = std::chrono::seconds{60};

// The guest that a job speaks of, as the journal and the provider have it now.
struct Subject {
  const GuestWorld& world;
  std::string name{};
  const gate::Authority& authority;
  GuestIdentity identity{};
  host::ObservedGuestPtr observed{};
};

Answer refusal(std::string_view code, std::string sentence) {
  return OrderRefusal{std::string{code}, std::move(sentence)};
}

// What the gate says before anything is begun: nothing when it allows it. A refusal is
// audited, and leaves a ticket where another signature could help.
Result<std::optional<OrderRefusal>> ask_gate(const Subject& subject, PermitRequest request) {
  const GuestWorld& world = subject.world;
  request.requester = gate::Requester::job;
  request.identity = subject.identity;
  request.authority = subject.authority;
  const gate::Facts facts = TRY(gate_facts(world, request, subject.observed));
  const gate::Decision decision = world.gate.preview(facts);
  if (decision.allowed) return std::optional<OrderRefusal>{};
  TRY(world.gate.refuse(facts, decision, ticket_detail(world, request)));
  return std::optional{OrderRefusal{std::string{decision.code}, decision.sentence}};
}

Result<Answer> destroy(const Subject& subject) {
  PermitRequest request;
  request.verb = gate::Verb::destroy_guest;
  request.effects = effects_of_destroying(subject.identity, subject.observed.get());
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  DestroyOrder order{subject.identity, subject.observed, "", subject.authority.job_id()};
  const auto desired = subject.world.desired.find(subject.name);
  if (desired && desired->is_wanted && desired->guest) order.spec_digest = applied_digest(*desired);
  return Answer{destroy_guest(order)};
}

Result<Answer> free_early(const Subject& subject) {
  PermitRequest request;
  request.verb = gate::Verb::free_tombstone;
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  return Answer{free_tombstone(subject.identity, subject.authority.job_id())};
}

Result<Answer> undelete(const Subject& subject) {
  PermitRequest request;
  request.verb = gate::Verb::undelete_guest;
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  if (TRY(subject.world.journal.owner_of(guest_subject(subject.name))))
    return refusal(job_code::name_taken, "another guest has the name " + subject.name + " now");
  return Answer{undelete_guest(subject.identity, subject.authority.job_id())};
}

Result<Answer> on_snapshot(const Subject& subject) {
  const gate::Authority& authority = subject.authority;
  const SnapshotOrder order{subject.identity, authority.object(), authority.job_id()};
  if (!TRY(copies_around(subject.world, order)))
    return refusal(job_code::no_snapshot, "there is no snapshot " + order.snapshot);
  const auto request = TRY(snapshot_request(subject.world, authority.verb(), order, authority));
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  const bool goes_back = authority.verb() == gate::Verb::roll_back_snapshot;
  return Answer{goes_back ? roll_back_guest(order) : remove_snapshot(order)};
}

Result<Answer> on_disk(const Subject& subject) {
  const gate::Authority& authority = subject.authority;
  PermitRequest request;
  request.verb = authority.verb();
  request.object = authority.object();
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  // The gate has seen the guest there.
  const DiskOrder order{subject.world, authority, subject.identity, *subject.observed};
  const auto finish = [](Result<SwapAnswer> answer, std::string_view kind) -> Result<Answer> {
    if (!answer) return std::move(answer).error();
    if (auto* no = std::get_if<OrderRefusal>(&*answer)) return Answer{std::move(*no)};
    return Answer{new_swap(kind, std::get<DiskSwap>(*answer))};
  };
  switch (authority.verb()) {
    case gate::Verb::shrink_disk: return finish(judge_shrink(order), operation_kind::shrink_disk);
    case gate::Verb::move_disk: return finish(judge_move(order), operation_kind::move_disk);
    case gate::Verb::remove_volume:
      return finish(judge_removal(order), operation_kind::remove_volume);
    default: return finish(judge_reimage(order), operation_kind::reimage);
  }
}

Result<Answer> free_aside_early(const Subject& subject) {
  PermitRequest request;
  request.verb = gate::Verb::free_set_aside;
  request.object = subject.authority.object();
  for (const SetAside& aside : subject.identity.aside)
    if (aside.disk.path == request.object)
      request.set_aside = {.since = aside.since, .witnessed = aside.witnessed};
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  return Answer{free_set_aside(subject.identity, request.object, subject.authority.job_id())};
}

// What it would lose is said in the ticket, too, where the gate wants another signature.
Result<Answer> restore_over(const Subject& subject) {
  const gate::Authority& authority = subject.authority;
  PermitRequest request;
  request.verb = gate::Verb::restore_over;
  request.object = authority.object();
  const auto marker = marker_state(subject.observed, subject.identity, subject.world.host_id);
  if (marker != gate::MarkerState::matches) {
    auto no = TRY(ask_gate(subject, request));
    if (no) return Answer{std::move(*no)};
    return refusal(gate::code::marker_differs, "its marker is another guest's");
  }
  auto judged =
      TRY(judge_restore_over(subject.world, authority, subject.identity, subject.observed));
  request.effects = judged.effects;
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  if (auto* no = std::get_if<OrderRefusal>(&judged.answer)) return Answer{std::move(*no)};
  return Answer{restore_over_guest(std::get<RestoreOver>(judged.answer))};
}

struct Handler {
  gate::Verb verb{};
  Result<Answer> (*answer)(const Subject&) = nullptr;
};

constexpr std::array<Handler, 11> handlers{{
    {gate::Verb::destroy_guest, destroy},
    {gate::Verb::free_tombstone, free_early},
    {gate::Verb::undelete_guest, undelete},
    {gate::Verb::roll_back_snapshot, on_snapshot},
    {gate::Verb::remove_snapshot, on_snapshot},
    {gate::Verb::shrink_disk, on_disk},
    {gate::Verb::move_disk, on_disk},
    {gate::Verb::remove_volume, on_disk},
    {gate::Verb::replace_image, on_disk},
    {gate::Verb::free_set_aside, free_aside_early},
    {gate::Verb::restore_over, restore_over},
}};

// Whether the guest itself says that it can take this order.
std::optional<Answer> check_marker(const Subject& subject) {
  if (!subject.observed || !subject.observed->marker) return std::nullopt;  // the gate judges that
  const host::Marker& marker = *subject.observed->marker;
  if (was_executed(marker, subject.authority.job_id()))
    return refusal(job_code::replayed,
                   "the guest's own marker says that this job acted on it before; the journal is "
                   "an older copy");
  if (!has_room_for_job(marker, subject.world.clock.now()))
    return refusal(job_code::too_many_jobs,
                   "the guest has taken " + std::to_string(most_executed_jobs) +
                       " signed jobs that have not expired; it takes the next when one has");
  return std::nullopt;
}

// A name for each of its disks, as Holdfast would have made them: "root" first, then what
// the provider calls them.
std::vector<host::Disk> named_disks(const host::ObservedGuest& observed) {
  std::vector<host::Disk> disks = observed.configured.disks;
  const bool has_root = find_disk(observed.configured, "root") != nullptr;
  if (!disks.empty() && !has_root) disks.front().name = "root";
  return disks;
}

GuestIdentity identity_of_stranger(const GuestWorld& world, const std::string& name,
                                   const host::ObservedGuest& observed) {
  GuestIdentity identity;
  identity.uuid = observed.uuid;
  identity.name = name;
  identity.first_boot = FirstBoot::none;
  for (const host::Disk& disk : named_disks(observed))
    identity.disks.push_back({disk.name, disk.target, disk.path, disk.path, disk.format, {}});
  const auto desired = world.desired.find(name);
  const auto& nics = observed.configured.nics;
  for (std::size_t i = 0; i < nics.size(); ++i) {
    const bool is_named = desired && desired->guest && i < desired->guest->spec.interfaces.size();
    identity.nics.push_back(
        {is_named ? desired->guest->spec.interfaces[i].name : "net" + std::to_string(i),
         nics[i].mac});
  }
  return identity;
}

// What somebody else made becomes ours, as it is.
Result<Answer> adopt(const GuestWorld& world, const std::string& name,
                     const gate::Authority& authority) {
  Subject subject{world, name, authority, {}, {}};
  subject.identity.uuid = authority.uuid();
  subject.identity.incarnation = authority.incarnation();
  subject.identity.name = name;
  subject.observed = TRY(world.host.inventory.observe(authority.uuid()).context("observe"));
  PermitRequest request;
  request.verb = gate::Verb::adopt_guest;
  request.object = authority.object();
  if (auto no = TRY(ask_gate(subject, request))) return Answer{std::move(*no)};
  const host::ObservedGuest& observed = *subject.observed;
  if (authority.object() != name || observed.name != name)
    return refusal(job_code::bad_order, "the provider calls it " + observed.name +
                                            "; it is adopted under that name, and the job's "
                                            "guest and object have to say the same");
  if (authority.incarnation() != Incarnation{})
    return refusal(job_code::bad_order, "what is adopted begins with incarnation 1");
  if (!observed.problem.empty())
    return refusal(job_code::bad_order,
                   "the provider reports it in part only: " + observed.problem);
  if (TRY(world.journal.owner_of(guest_subject(name))))
    return refusal(job_code::name_taken, "another guest has the name " + name + " here");
  const GuestIdentity identity = identity_of_stranger(world, name, observed);
  host::GuestDefinition definition;
  definition.name = name;
  definition.shape = observed.configured;
  definition.shape.disks = named_disks(observed);
  definition.marker = make_marker(identity, world.host_id, "", "");
  definition.marker.image.clear();
  definition.marker.provenance = "adopted";
  definition.marker =
      with_job(definition.marker, {authority.job_id(), authority.expires()}, world.clock.now());
  return Answer{adopt_guest(identity, definition, authority.job_id())};
}

Result<Answer> answer_to(const GuestWorld& world, const std::string& name,
                         const gate::Authority& authority) {
  if (authority.verb() == gate::Verb::adopt_guest) return adopt(world, name, authority);
  const auto row = TRY(world.journal.provenance(authority.uuid()));
  if (!row)
    return refusal(gate::code::not_ours, "the journal does not know guest " +
                                             to_string(authority.uuid()) +
                                             ", which the job speaks of");
  if (row->subject != guest_subject(name))
    return refusal(gate::code::signed_other_guest,
                   "the job came for " + guest_subject(name) + " and speaks of " + row->subject);
  Subject subject{world, name, authority, TRY(parse_identity(row->detail)), {}};
  // What is signed is an incarnation of the guest; the gate compares it with the journal's.
  subject.observed = TRY(world.host.inventory.observe(authority.uuid()).context("observe"));
  if (subject.observed && subject.observed->marker)
    subject.identity =
        moved_identity(subject.identity, *subject.observed).value_or(subject.identity);
  if (auto no = check_marker(subject)) return *no;
  for (const Handler& handler : handlers)
    if (handler.verb == authority.verb()) return handler.answer(subject);
  return refusal(job_code::not_supported,
                 "no guest here can be told to " + std::string{gate::to_string(authority.verb())});
}

std::string audit_entry(const JobRecord& job, JobState state, std::string_view code,
                        OperationId operation) {
  nlohmann::json entry{{"job", job.id}, {"action", job.action}, {"state", to_string(state)}};
  if (!code.empty()) entry["code"] = code;
  if (operation.value > 0) entry["operation"] = to_string(operation);
  return dump(entry);
}

Result<void> write_end(Writes& writes, const JobRecord& job, JobState state,
                       const OrderRefusal& why) {
  TRY(writes.job_ended(job.id, state, why.code, why.sentence));
  return writes.audit("job", job.subject, audit_entry(job, state, why.code, job.operation));
}

Result<void> end_job(const GuestWorld& world, const JobRecord& job, JobState state,
                     const OrderRefusal& why) {
  TRY(world.journal.commit([&](Writes& writes) { return write_end(writes, job, state, why); }));
  world.log.with("job", job.id)
      .warn("job ended", {{"action", job.action},
                          {"state", to_string(state)},
                          {"code", why.code},
                          {"message", why.sentence}});
  return ok();
}

Result<void> begin_job(const GuestWorld& world, const JobRecord& job,
                       const NewOperation& operation) {
  OperationId id;
  const auto write = [&](Writes& writes) -> Result<void> {
    id = TRY(writes.begin(operation.kind, job.subject, operation.input, operation.forward_only));
    if (operation.claim) {
      Provenance claim = *operation.claim;
      claim.created_by = id;
      TRY(writes.put(claim));
    }
    TRY(writes.job_running(job.id, id));
    return writes.audit("job", job.subject, audit_entry(job, JobState::running, "", id));
  };
  TRY(world.journal.commit(write));
  world.log.with("job", job.id)
      .info("job taken up", {{"action", job.action}, {"operation", to_string(id)}});
  return ok();
}

// How much longer desired state may take to want what the job orders.
std::optional<Duration> left_to_wait(const GuestWorld& world, const JobRecord& job,
                                     const OrderRefusal& why) {
  if (why.code != job_code::not_desired) return std::nullopt;
  const Time since = job.accepted_at.value_or(job.received_at);
  const Duration left = since + await_desired - world.clock.now();
  if (left <= Duration::zero() || left > await_desired) return std::nullopt;
  return left;
}

// Begins or ends one job; how long it is to wait instead, when it is not due yet.
Result<std::optional<Duration>> take_up(const GuestWorld& world, const std::string& name,
                                        const JobRecord& job) {
  const auto authority = TRY(world.authorities.find(job.id).context("verify job " + job.id));
  std::optional<FreeOrder> free_order;
  if (!authority) free_order = TRY(world.authorities.find_free(job.id).context("verify " + job.id));
  if (!authority && !free_order) {
    TRY(end_job(world, job, JobState::refused,
                {std::string{job_code::not_verified},
                 "its signatures are not accepted any more; have it signed anew"}));
    return std::optional<Duration>{};
  }
  const auto answer =
      authority ? answer_to(world, name, *authority) : judge_free_order(world, name, *free_order);
  if (!answer) {
    const Error& error = answer.error();
    if (error.code() == Errc::unavailable || error.code() == Errc::exhausted) return error;
    TRY(end_job(world, job, JobState::failed, {"", error.message()}));
  } else if (const auto* no = std::get_if<OrderRefusal>(&*answer)) {
    if (const auto left = left_to_wait(world, job, *no)) return left;
    TRY(end_job(world, job, JobState::refused, *no));
  } else {
    TRY(begin_job(world, job, std::get<NewOperation>(*answer)));
  }
  return std::optional<Duration>{};
}

}  // namespace

Result<void> end_expired_jobs(const GuestWorld& world, std::string_view subject) {
  for (const JobRecord& job : TRY(world.journal.waiting_jobs(subject)))
    if (world.clock.now() >= job.expires)
      TRY(end_job(world, job, JobState::refused,
                  {std::string{job_code::expired}, "it expired while it waited for its turn"}));
  return ok();
}

Result<JobTurn> take_up_job(const GuestWorld& world, const std::string& name) {
  JobTurn turn;
  for (const JobRecord& job : TRY(world.journal.waiting_jobs(guest_subject(name)))) {
    const auto waits = TRY(take_up(world, name, job));
    turn.is_taken = !waits;
    if (turn.is_taken) return turn;
    turn.waits = turn.waits ? std::min(*turn.waits, *waits) : *waits;
  }
  return turn;
}

Result<RunPolicy> policy_of(const GuestWorld& world, const Operation& op,
                            const GuestOperation& operation) {
  const auto job = TRY(world.journal.job_of(op.id));
  RunPolicy policy;
  policy.tries_again_in_place = operation.tries_again_in_place;
  policy.on_success = [job, own = operation.on_success](Writes& writes) -> Result<void> {
    if (own) TRY(own(writes));
    return job ? write_end(writes, *job, JobState::done, {}) : ok();
  };
  policy.on_rollback = [job, own = operation.on_rollback](Writes& writes,
                                                          const Error& cause) -> Result<void> {
    if (own) TRY(own(writes));
    if (!job) return ok();
    if (const auto no = refusal_of(cause)) return write_end(writes, *job, JobState::refused, *no);
    return write_end(writes, *job, JobState::failed, {"", cause.message()});
  };
  return policy;
}

}  // namespace holdfast
