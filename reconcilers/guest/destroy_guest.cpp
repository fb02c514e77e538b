// SPDX-License-Identifier: Apache-2.0
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_facts.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

// A signed destroy makes a tombstone: the guest is stopped, taken off its networks and
// renamed; its disks stay. The gate is asked before the first of these and again before
// the guest stops being one. Until the end everything can be taken back, and is.
namespace holdfast {
namespace {

struct Tombstoning {
  GuestIdentity identity{};  // as the tombstone's journal row will carry it
  host::Shape shape{};       // as it was
  bool was_running = false;
  std::string job{};
  std::vector<std::string> effects{};
};

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const Tombstoning& what) {
  PermitRequest request;
  request.verb = gate::Verb::destroy_guest;
  request.requester = gate::Requester::job;
  request.identity = what.identity;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, what.job));
  request.effects = what.effects;
  // What the signature was bound to is the guest as it was, not half-way to a tombstone.
  return ask_permit(world, request);
}

// Off its networks and marked as what it is, in one definition.
Step detach_step(const GuestWorld& world, const Operation& op, const Tombstoning& what) {
  Step step;
  step.name = "detach";
  step.probe = [&world, what]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, what.identity));
    const bool is_done = observed->configured.nics.empty() && is_tombstone(*observed->marker);
    return is_done ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, op, what]() -> Result<Effect> {
    const auto permit = TRY(ask(world, op, what));
    TRY(permit.covers(what.identity.uuid, what.identity.incarnation));
    const auto observed = TRY(observe_existing(world, what.identity));
    auto definition = definition_as_observed(*observed, what.identity);
    definition.shape.nics.clear();
    definition.marker.provenance = "tombstone";
    TRY(world.host.hypervisor.define(definition));
    return Effect::done();
  };
  step.undo = [&world, what]() -> Result<void> {
    const auto observed = TRY(observe_existing(world, what.identity));
    auto definition = definition_as_observed(*observed, what.identity);
    definition.shape.nics = what.shape.nics;
    definition.marker.provenance = TRY(living_provenance(world, what.identity));
    return world.host.hypervisor.define(definition);
  };
  return step;
}

Step rename_to_tombstone(const GuestWorld& world, const Tombstoning& what) {
  Step step = rename_step(world, what.identity, tombstone_name(what.identity));
  step.undo = [&world, identity = what.identity]() -> Result<void> {
    const auto observed = TRY(observe_existing(world, identity));
    if (observed->name == identity.name) return ok();
    return world.host.hypervisor.rename(identity.uuid, identity.name);
  };
  return step;
}

// The order was taken while another operation may just have ended: what the journal says
// of the guest now goes before what it said then. Nobody else writes it from here on.
Result<GuestIdentity> as_remembered(const GuestWorld& world, const GuestIdentity& ordered) {
  const auto row = TRY(world.journal.provenance(ordered.uuid));
  if (!row) return ordered;
  GuestIdentity identity = TRY(parse_identity(row->detail));
  identity.destroyed_spec = ordered.destroyed_spec;
  identity.parked_nics = ordered.parked_nics;
  return identity;
}

}  // namespace

NewOperation destroy_guest(const DestroyOrder& order) {
  GuestIdentity identity = order.identity;
  identity.destroyed_spec = order.spec_digest;
  host::Shape shape;
  bool was_running = false;
  if (order.observed) {
    shape = order.observed->configured;
    was_running = is_active(order.observed->power);
    identity.parked_nics = shape.nics;
  }
  NewOperation operation;
  operation.kind = operation_kind::destroy;
  operation.input =
      dump({{"identity", json_of(identity)},
            {"shape", json_of(shape)},
            {"wasRunning", was_running},
            {"job", order.job},
            {"effects", effects_of_destroying(order.identity, order.observed.get())}});
  return operation;
}

Result<GuestOperation> load_destroy(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  Tombstoning what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity).value("shape", what.shape, read_shape);
  fields.flag("wasRunning", what.was_running).text("job", what.job);
  fields.texts("effects", what.effects);
  TRY(fields.end(op.kind));
  what.identity = TRY(as_remembered(world, what.identity));
  GuestOperation operation;
  add_signed_start(
      world, what.identity, what.job, [&world, op, what] { return ask(world, op, what); },
      operation.steps);
  add_stop_for_order(world, what.identity, what.was_running, operation.steps);
  operation.steps.push_back(detach_step(world, op, what));
  operation.steps.push_back(rename_to_tombstone(world, what));
  auto bury = TRY(remember(world, what.identity, [now = world.clock.now()](Provenance& row) {
    row.life = Life::tombstone;
    row.tombstoned_at = now;
  }));
  const auto fact = destruction_fact(what.identity.name);
  const auto destruction = to_string(Destruction{what.identity.destroyed_spec, what.job});
  operation.on_success = [bury = std::move(bury), fact,
                          destruction](Writes& writes) -> Result<void> {
    TRY(bury(writes));
    return writes.set_fact(fact, destruction);
  };
  return operation;
}

}  // namespace holdfast
