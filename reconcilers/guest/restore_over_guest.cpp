// SPDX-License-Identifier: Apache-2.0
#include "journal/writes.hpp"
#include "reconcilers/guest/backup_orders.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"
#include "reconcilers/guest/signed_steps.hpp"

// A backup in the place of a guest's data, and a new incarnation. What is there is backed up
// first, protected: providers destroy it as they restore. Disks that no backup holds are not in
// the way, or the order was refused; they are attached again. Until the restore everything is
// taken back; from there it only goes forward.
namespace holdfast {
namespace {

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const RestoreOver& what) {
  PermitRequest request;
  request.verb = gate::Verb::restore_over;
  request.requester = gate::Requester::job;
  request.identity = what.before;
  request.object = what.backup;
  request.operation = op.id;
  request.authority = TRY(authority_of(world, what.job));
  request.effects = what.effects;
  return ask_permit(world, request);
}

host::BackupOrder safety_of(const RestoreOver& what) {
  return {"before-" + what.job, "before a restore over it", true};
}

Step keep_step(const GuestWorld& world, const RestoreOver& what) {
  Step step;
  step.name = "keep";
  const auto order = safety_of(what);
  step.input = dump({{"label", order.label}});
  step.probe = [&world, what, order]() -> Result<Probe> {
    const auto found = TRY(find_backup(world, what.before.uuid, order.label));
    return found ? Probe::applied(found->id) : Probe::not_applied();
  };
  step.apply = [&world, what, order]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, what.before));
    if (is_active(observed->power))
      return Error{Errc::conflict, "the guest runs again; what it writes now would be lost"};
    return Effect::done(TRY(world.host.backups->take(what.before.uuid, order)).id);
  };
  return step;
}

Step restore_step(const GuestWorld& world, const Operation& op, const RestoreOver& what) {
  Step step;
  step.name = "restore";
  step.input = dump({{"backup", what.backup}});
  step.no_return = true;
  step.probe = [&world, what]() -> Result<Probe> {
    const auto observed = TRY(world.host.inventory.observe(what.after.uuid).context("observe"));
    if (marker_state(observed, what.after, world.host_id) == gate::MarkerState::matches)
      return Probe::applied();
    TRY(observe_existing(world, what.before));
    return Probe::not_applied();
  };
  step.apply = [&world, op, what]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, what.before));
    auto permit = TRY(ask(world, op, what));
    auto definition = definition_as_observed(*observed, what.after);
    definition.marker.incarnation = what.after.incarnation;
    definition.marker.spec_digest.clear();  // what is wanted has to be applied anew
    TRY(world.host.backups->restore_over(std::move(permit), definition, what.backup)
            .context("what was there is in the backup labelled " + safety_of(what).label));
    return Effect::done();
  };
  return step;
}

Step reattach_step(const GuestWorld& world, const RestoreOver& what, const host::KeptDisk& kept) {
  Step step;
  step.name = "reattach_" + kept.disk.name;
  step.input = dump({{"handle", kept.handle}});
  step.probe = [&world, what, kept]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, what.after));
    const bool is_there = find_disk(observed->configured, kept.disk.name) != nullptr;
    return is_there ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, what, kept]() -> Result<Effect> {
    TRY(observe_existing(world, what.after));
    TRY(world.host.backups->reattach(what.after.uuid, kept));
    return Effect::done();
  };
  return step;
}

nlohmann::json json_of_kept(const host::KeptDisk& kept) {
  return {{"disk", json_of(kept.disk)}, {"handle", kept.handle}};
}

Result<host::KeptDisk> read_kept(const nlohmann::json& value) {
  host::KeptDisk kept;
  Fields fields{value};
  fields.value("disk", kept.disk, read_disk).text("handle", kept.handle);
  TRY(fields.end("kept disk"));
  return kept;
}

Result<RestoreOver> read_order(const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  RestoreOver what;
  Fields fields{json};
  fields.value("before", what.before, read_identity).value("identity", what.after, read_identity);
  fields.text("backup", what.backup).list("kept", what.kept, read_kept).text("job", what.job);
  fields.flag("wasRunning", what.was_running).texts("effects", what.effects);
  TRY(fields.end(op.kind));
  return what;
}

}  // namespace

NewOperation restore_over_guest(const RestoreOver& what) {
  nlohmann::json kept = nlohmann::json::array();
  for (const host::KeptDisk& disk : what.kept) kept.push_back(json_of_kept(disk));
  NewOperation operation;
  operation.kind = operation_kind::restore_over;
  operation.input = dump({{"before", json_of(what.before)},
                          {"identity", json_of(what.after)},
                          {"backup", what.backup},
                          {"kept", std::move(kept)},
                          {"job", what.job},
                          {"wasRunning", what.was_running},
                          {"effects", what.effects}});
  return operation;
}

Result<GuestOperation> load_restore_over(const GuestWorld& world, const Operation& op) {
  if (world.host.backups == nullptr)
    return Error{Errc::corrupt, "it is about backups, and the provider here takes none"};
  const RestoreOver what = TRY(read_order(op));
  GuestOperation operation;
  add_signed_start(
      world, what.before, what.job, [&world, op, what] { return ask(world, op, what); },
      operation.steps);
  add_stop_for_order(world, what.before, what.was_running, operation.steps);
  operation.steps.push_back(keep_step(world, what));
  operation.steps.push_back(restore_step(world, op, what));
  for (const host::KeptDisk& kept : what.kept)
    operation.steps.push_back(reattach_step(world, what, kept));
  const auto row = TRY(world.journal.provenance(what.after.uuid));
  if (!row) return Error{Errc::corrupt, "the journal does not know the guest of " + op.kind};
  operation.on_success = [row = *row, after = what.after](Writes& writes) -> Result<void> {
    Provenance next = row;
    GuestIdentity identity = after;
    identity.restored = writes.now();
    next.incarnation = identity.incarnation;
    next.detail = to_json(identity);
    return writes.put(next);
  };
  return operation;
}

}  // namespace holdfast
