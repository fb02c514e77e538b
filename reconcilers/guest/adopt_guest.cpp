// SPDX-License-Identifier: Apache-2.0
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_permits.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// One step: the marker is written into what somebody else made, with the job that says so.
// Nothing else of it changes, now or before desired state names it; nothing is taken back,
// because nothing of it was made here; and the journal calls it ours only at the end.
namespace holdfast {
namespace {

struct Adoption {
  GuestIdentity identity{};
  host::GuestDefinition definition{};
  std::string job{};
};

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const Adoption& what) {
  PermitRequest request;
  request.verb = gate::Verb::adopt_guest;
  request.requester = gate::Requester::job;
  request.identity = what.identity;
  request.object = what.identity.name;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, what.job));
  return ask_permit(world, request);
}

Step adopt_step(const GuestWorld& world, const Operation& op, const Adoption& what) {
  Step step;
  step.name = "adopt";
  step.input = dump({{"job", what.job}});
  step.probe = [&world, what]() -> Result<Probe> {
    const auto observed = TRY(world.host.inventory.observe(what.identity.uuid).context("observe"));
    const auto marker = marker_state(observed, what.identity, world.host_id);
    return marker == gate::MarkerState::matches ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, op, what]() -> Result<Effect> {
    auto permit = TRY(ask(world, op, what));
    TRY(world.host.hypervisor.adopt(std::move(permit), what.definition));
    return Effect::done();
  };
  return step;
}

}  // namespace

NewOperation adopt_guest(const GuestIdentity& identity, const host::GuestDefinition& definition,
                         const std::string& job) {
  NewOperation operation;
  operation.kind = operation_kind::adopt;
  operation.input =
      dump({{"identity", json_of(identity)}, {"definition", json_of(definition)}, {"job", job}});
  return operation;
}

Result<GuestOperation> load_adopt(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  Adoption what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity);
  fields.value("definition", what.definition, read_definition).text("job", what.job);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  operation.steps.push_back(adopt_step(world, op, what));
  operation.on_success = [what, id = op.id](Writes& writes) -> Result<void> {
    Provenance row;
    row.uuid = what.identity.uuid;
    row.incarnation = what.identity.incarnation;
    row.subject = guest_subject(what.identity.name);
    row.origin = Origin::adopted;
    row.created_by = id;
    row.life = Life::live;
    row.data_bearing = true;
    row.detail = to_json(what.identity);
    return writes.put(row);
  };
  return operation;
}

}  // namespace holdfast
