// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/backup_orders.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// One step. The job's id is the backup's label, by which it is found again.
namespace holdfast {

NewOperation back_up_guest(const NewBackup& what) {
  NewOperation operation;
  operation.kind = operation_kind::backup;
  operation.input = dump({{"identity", json_of(what.identity)},
                          {"job", what.order.label},
                          {"note", what.order.note},
                          {"protect", what.order.is_protected}});
  return operation;
}

Result<GuestOperation> load_backup(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  NewBackup what;
  Fields fields{json};
  fields.value("identity", what.identity, read_identity).text("job", what.order.label);
  fields.text("note", what.order.note).flag("protect", what.order.is_protected);
  TRY(fields.end(op.kind));
  Step step;
  step.name = "back_up";
  step.input = dump({{"label", what.order.label}});
  step.probe = [&world, what]() -> Result<Probe> {
    const auto found = TRY(find_backup(world, what.identity.uuid, what.order.label));
    return found ? Probe::applied(found->id) : Probe::not_applied();
  };
  step.apply = [&world, what]() -> Result<Effect> {
    TRY(observe_existing(world, what.identity));
    return Effect::done(TRY(world.host.backups->take(what.identity.uuid, what.order)).id);
  };
  GuestOperation operation;
  operation.steps.push_back(std::move(step));
  return operation;
}

}  // namespace holdfast
