// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

// A tombstone becomes a guest again: its name back, then its networks. It stays stopped;
// desired state says whether it is to run. Nothing is lost by it, so root on the host needs
// no signature; a job is asked of the gate as any other.
namespace holdfast {
namespace {

Step reattach_step(const GuestWorld& world, const GuestIdentity& identity,
                   const std::vector<host::Nic>& nics) {
  Step step;
  step.name = "attach";
  step.probe = [&world, identity]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, identity));
    return is_tombstone(*observed->marker) ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, identity, nics]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    auto definition = definition_as_observed(*observed, identity);
    definition.shape.nics = nics;
    definition.marker.provenance = TRY(living_provenance(world, identity));
    TRY(world.host.hypervisor.define(definition));
    return Effect::done();
  };
  return step;
}

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op,
                         const GuestIdentity& identity, const std::string& job) {
  PermitRequest request;
  request.verb = gate::Verb::undelete_guest;
  request.requester = gate::Requester::job;
  request.identity = identity;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, job));
  return ask_permit(world, request);
}

}  // namespace

NewOperation undelete_guest(const GuestIdentity& identity, const std::string& job) {
  NewOperation operation;
  operation.kind = operation_kind::undelete;
  operation.input = dump({{"identity", json_of(identity)}, {"job", job}});
  return operation;
}

Result<GuestOperation> load_undelete(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity buried;
  std::string job;
  Fields fields{json};
  fields.value("identity", buried, read_identity);
  if (json.contains("job")) fields.text("job", job);
  TRY(fields.end(op.kind));
  GuestIdentity identity = buried;
  identity.parked_nics.clear();
  identity.destroyed_spec.clear();

  GuestOperation operation;
  if (!job.empty())
    add_signed_start(
        world, buried, job, [&world, op, buried, job] { return ask(world, op, buried, job); },
        operation.steps);
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
