// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/backup_orders.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A new guest from a backup: stopped, with our marker from the first moment, and nothing that
// desired state wants. Starting it is left to whoever wants it. As in provision_guest.cpp it is
// data-bearing from the commit that ends this operation.
namespace holdfast {
namespace {

Result<host::BirthState> look_for(const GuestWorld& world, const GuestIdentity& identity) {
  if (world.host.contained != nullptr) return world.host.contained->find(identity.uuid);
  const auto observed = TRY(observe_ours(world, identity));
  return observed ? host::BirthState::born : host::BirthState::absent;
}

Result<gate::Permit> ask_removal(const GuestWorld& world, OperationId op,
                                 const GuestIdentity& identity) {
  PermitRequest request;
  request.identity = identity;
  request.operation = op;
  return ask_permit(world, request);
}

// Undo: remove what this operation made, on the gate's word; with files, those last.
Result<void> remove_again(const GuestWorld& world, OperationId op, const GuestIdentity& identity) {
  const auto state = TRY(look_for(world, identity));
  if (state == host::BirthState::under_way)
    return Error{Errc::unavailable, "it is still being restored"};
  if (state == host::BirthState::born) {
    TRY(observe_ours(world, identity));
    auto permit = TRY(ask_removal(world, op, identity));
    if (world.host.contained != nullptr)
      return world.host.contained->free(std::move(permit), identity.uuid);
    TRY(world.host.hypervisor.undefine(std::move(permit), identity.uuid));
  }
  if (world.host.contained != nullptr) return ok();
  for (const DiskIdentity& disk : identity.disks) {
    auto permit = TRY(ask_removal(world, op, identity));
    TRY(world.host.disks.remove(std::move(permit), disk.path));
  }
  return ok();
}

Step restore_step(const GuestWorld& world, const Operation& op, const NewCopy& what) {
  Step step;
  step.name = "restore";
  step.input = dump({{"backup", what.backup}});
  step.probe = [&world, identity = what.identity]() -> Result<Probe> {
    switch (TRY(look_for(world, identity))) {
      case host::BirthState::absent: return Probe::not_applied();
      case host::BirthState::under_way: return Probe::in_progress();
      case host::BirthState::born: break;
    }
    return Probe::applied();
  };
  step.apply = [&world, what]() -> Result<Effect> {
    TRY(world.host.backups->restore(what.definition, what.backup));
    std::string left_out;
    for (const std::string& disk : what.left_out) left_out += " " + disk;
    return Effect::done(left_out.empty() ? "" : "the backup holds nothing of:" + left_out);
  };
  step.undo = [&world, id = op.id, identity = what.identity] {
    return remove_again(world, id, identity);
  };
  return step;
}

}  // namespace

NewOperation restore_guest(const NewCopy& what) {
  NewOperation operation;
  operation.kind = operation_kind::restore;
  operation.input = dump({{"identity", json_of(what.identity)},
                          {"backup", what.backup},
                          {"definition", json_of(what.definition)},
                          {"job", what.job},
                          {"leftOut", what.left_out}});
  operation.claim = claim_of(what.identity);
  return operation;
}

Result<GuestOperation> load_restore(const GuestWorld& world, const Operation& op) {
  if (world.host.backups == nullptr)
    return Error{Errc::corrupt, "it is about backups, and the provider here takes none"};
  const auto json = TRY(parse_json(op.input));
  NewCopy what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity).text("backup", what.backup);
  fields.value("definition", what.definition, read_definition).text("job", what.job);
  fields.texts("leftOut", what.left_out);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  operation.steps.push_back(restore_step(world, op, what));
  // Addresses above all: a provider may bring the backup's own, or new ones.
  operation.steps.push_back(define_step(world, what.identity, what.definition));
  operation.on_success = TRY(remember(world, what.identity, [](Provenance& row) {
    row.life = Life::live;
    row.data_bearing = true;
  }));
  operation.on_rollback =
      TRY(remember(world, what.identity, [](Provenance& row) { row.life = Life::gone; }));
  return operation;
}

}  // namespace holdfast
