// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "journal/writes.hpp"
#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_observation.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/snapshot_order.hpp"

// Orders by an operator: checked, journaled, and left to the guest's next pass. A check
// here is a courtesy to who asks; what decides is asked again when the operation runs.
namespace holdfast {
namespace {

struct Known {
  Provenance row{};
  GuestIdentity identity{};
  host::ObservedGuestPtr observed{};
};

Result<Known> find_guest(const GuestWorld& world, const std::string& name) {
  const auto row = TRY(world.journal.owner_of(guest_subject(name)));
  if (!row || row->life != Life::live)
    return Error{Errc::not_found,
                 "there is no guest " + name + " of ours; see `holdfast get guests`"};
  Known known;
  known.row = *row;
  known.identity = TRY(parse_identity(row->detail));
  known.observed = TRY(observe_existing(world, known.identity));
  return known;
}

// What libvirt's driver takes; another may take less.
bool is_snapshot_name(const std::string& name) {
  constexpr std::size_t longest = 64;
  constexpr const char* taken = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= longest && name.front() != '.' &&
         name.find_first_not_of(taken) == std::string::npos;
}

Result<OperationId> journal_order(const GuestWorld& world, const std::string& name,
                                  const NewOperation& operation) {
  const Operation op = TRY(world.journal.begin(operation.kind, guest_subject(name), operation.input,
                                               operation.forward_only));
  world.log.with("guest", name)
      .info("operation ordered", {{"kind", op.kind}, {"operation", to_string(op.id)}});
  return op.id;
}

// Asks the gate before anything is journaled; a refusal leaves a ticket.
Result<void> check_order(const GuestWorld& world, const PermitRequest& request,
                         const host::ObservedGuestPtr& observed) {
  const gate::Facts facts = TRY(gate_facts(world, request, observed));
  const gate::Decision decision = world.gate.preview(facts);
  if (decision.allowed) return ok();
  const auto refusal = TRY(world.gate.refuse(facts, decision, ticket_detail(world, request)));
  const std::string ticket = refusal.ticket.empty() ? "" : " (ticket " + refusal.ticket + ")";
  return Error{Errc::denied, std::string{decision.code} + ": " + decision.sentence + ticket};
}

std::string job_of(const std::optional<gate::Authority>& authority) {
  return authority ? authority->job_id() : std::string{};
}

Result<SnapshotOrder> check_snapshot_order(const GuestWorld& world, gate::Verb verb,
                                           const std::string& name, const std::string& snapshot,
                                           const std::optional<gate::Authority>& authority) {
  const Known known = TRY(find_guest(world, name));
  const SnapshotOrder order{known.identity, snapshot, job_of(authority)};
  const PermitRequest request = TRY(snapshot_request(world, verb, order, authority));
  TRY(check_order(world, request, known.observed));
  return order;
}

}  // namespace

Result<OperationId> GuestReconciler::begin_snapshot(const std::string& name,
                                                    const std::string& snapshot) {
  if (!is_snapshot_name(snapshot))
    return Error{Errc::invalid, "\"" + snapshot +
                                    "\" cannot name a snapshot: it takes 1 to 64 letters, digits, "
                                    "'-', '_' and '.', and no '.' at first"};
  const Known known = TRY(find_guest(world_, name));
  const SnapshotOrder order{known.identity, snapshot, ""};
  if (TRY(copies_around(world_, order)))
    return Error{Errc::conflict, "guest " + name + " has a snapshot " + snapshot};
  return journal_order(world_, name, snapshot_guest(order));
}

Result<OperationId> GuestReconciler::begin_undelete(const std::string& name) {
  if (TRY(world_.journal.owner_of(guest_subject(name))))
    return Error{Errc::conflict, "another guest has the name " + name + " now"};
  std::optional<Provenance> newest;
  for (const Provenance& row : TRY(world_.journal.all_provenance())) {
    if (row.subject != guest_subject(name) || row.life != Life::tombstone) continue;
    if (!newest || newest->tombstoned_at < row.tombstoned_at) newest = row;
  }
  if (!newest)
    return Error{Errc::not_found,
                 "there is no tombstone of a guest " + name + "; see `holdfast get guests`"};
  const GuestIdentity identity = TRY(parse_identity(newest->detail));
  TRY(observe_existing(world_, identity));
  return journal_order(world_, name, undelete_guest(identity, ""));
}

Result<OperationId> GuestReconciler::begin_destroy(
    const std::string& name, const std::optional<gate::Authority>& authority) {
  const Known known = TRY(find_guest(world_, name));
  PermitRequest request;
  request.verb = gate::Verb::destroy_guest;
  request.requester = authority ? gate::Requester::job : gate::Requester::operation;
  request.identity = known.identity;
  request.authority = authority;
  request.effects = effects_of_destroying(known.identity, known.observed.get());
  TRY(check_order(world_, request, known.observed));
  DestroyOrder order{known.identity, known.observed, "", job_of(authority)};
  const auto desired = world_.desired.find(name);
  if (desired && desired->is_wanted && desired->guest) order.spec_digest = applied_digest(*desired);
  return journal_order(world_, name, destroy_guest(order));
}

Result<OperationId> GuestReconciler::begin_roll_back(
    const std::string& name, const std::string& snapshot,
    const std::optional<gate::Authority>& authority) {
  const auto order =
      TRY(check_snapshot_order(world_, gate::Verb::roll_back_snapshot, name, snapshot, authority));
  return journal_order(world_, name, roll_back_guest(order));
}

Result<OperationId> GuestReconciler::begin_remove_snapshot(
    const std::string& name, const std::string& snapshot,
    const std::optional<gate::Authority>& authority) {
  const auto order =
      TRY(check_snapshot_order(world_, gate::Verb::remove_snapshot, name, snapshot, authority));
  return journal_order(world_, name, remove_snapshot(order));
}

Result<Recovery> GuestReconciler::plan_recovery() const {
  auto inventory = TRY(world_.host.inventory.observe_all().context("observe all guests"));
  const auto known = TRY(world_.journal.all_provenance());
  // What is under way ends by itself, and is ahead of the journal's row until then.
  std::set<Uuid> busy;
  for (const Operation& op : TRY(world_.journal.unfinished()))
    for (const Provenance& row : known)
      if (row.subject == op.subject) busy.insert(row.uuid);
  std::erase_if(inventory.guests,
                [&](const host::ObservedGuestPtr& guest) { return busy.count(guest->uuid) > 0; });
  return holdfast::plan_recovery(inventory, known, world_.host_id,
                                 {world_.clock.now(), world_.journal.witnessed()});
}

Result<void> GuestReconciler::apply(const Recovery& recovery) {
  return world_.journal.commit([&](Writes& writes) -> Result<void> {
    for (const Provenance& row : recovery.rows) {
      TRY(writes.put(row));
      TRY(writes.audit("recover", row.subject, row.detail));
    }
    return ok();
  });
}

}  // namespace holdfast
