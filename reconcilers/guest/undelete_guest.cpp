// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A tombstone becomes a guest again: its name back, then its networks. It stays stopped;
// desired state says whether it is to run.
namespace holdfast {
namespace {

Step reattach_step(const GuestWorld& world, const GuestIdentity& identity,
                   const std::vector<host::Nic>& nics) {
  Step step;
  step.name = "attach";
  step.probe = [&world, identity]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return observed->marker->provenance == "created" ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, nics]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    auto definition = definition_as_observed(*observed, identity);
    definition.shape.nics = nics;
    definition.marker.provenance = "created";
    TRY(world.host.hypervisor.define(definition));
    return Effect::done();
  };
  return step;
}

}  // namespace

NewOperation undelete_guest(const GuestIdentity& identity) {
  NewOperation operation;
  operation.kind = operation_kind::undelete;
  operation.input = dump({{"identity", json_of(identity)}});
  return operation;
}

Result<GuestOperation> load_undelete(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity buried;
  Fields fields{json};
  fields.value("identity", buried, read_identity);
  TRY(fields.end(op.kind));
  GuestIdentity identity = buried;
  identity.parked_nics.clear();
  identity.destroyed_spec.clear();

  GuestOperation operation;
  operation.steps.push_back(rename_step(world, identity, identity.name));
  operation.steps.back().undo = [&world, buried]() -> Result<void> {
    const auto observed = TRY(observe_existing(world, buried));
    if (observed->name == tombstone_name(buried)) return ok();
    return world.host.hypervisor.rename(buried.uuid, tombstone_name(buried));
  };
  operation.steps.push_back(reattach_step(world, identity, buried.parked_nics));
  operation.on_success = TRY(remember(world, identity, [](Provenance& row) {
    row.life = Life::live;
    row.tombstoned_at.reset();
  }));
  return operation;
}

}  // namespace holdfast
