// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A new volume, or one of the guest's own that was detached. A file at its path has this
// guest's UUID in it: it is attached as it is, never overwritten, and never removed here.
namespace holdfast {
namespace {

Step create_step(const GuestWorld& world, const GuestIdentity& identity, const host::Disk& disk) {
  Step step;
  step.name = "create_blank";
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = [&world, disk]() -> Result<Probe> {
    const auto found = TRY(world.host.disks.find(disk.path));
    return found ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, disk]() -> Result<Effect> {
    if (TRY(world.host.disks.find(disk.path))) return Effect::done("was there");
    if (world.host.contained != nullptr) {
      TRY(observe_existing(world, identity));
      TRY(world.host.contained->add_disk(identity.uuid, disk));
      return Effect::done("attached with it");
    }
    TRY(world.host.disks.create_blank(disk.path, disk.size));
    return Effect::done();
  };
  return step;
}

Result<bool> is_attached(const GuestWorld& world, const GuestIdentity& identity,
                         const std::string& disk) {
  const auto observed = TRY(observe_existing(world, identity));
  return find_disk(observed->configured, disk) != nullptr;
}

Step define_volume_step(const GuestWorld& world, const GuestIdentity& identity,
                        const host::Disk& disk) {
  Step step;
  step.name = "define";
  step.input = dump(json_of(disk));
  step.probe = [&world, identity, name = disk.name]() -> Result<Probe> {
    return TRY(is_attached(world, identity, name)) ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, identity, disk]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    auto definition = definition_as_observed(*observed, identity);
    if (find_disk(definition.shape, disk.name) != nullptr) return Effect::done("was there");
    definition.shape.disks.push_back(disk);
    TRY(world.host.hypervisor.define(definition));
    return Effect::done();
  };
  return step;
}

Step attach_step(const GuestWorld& world, const GuestIdentity& identity, const host::Disk& disk) {
  Step step;
  step.name = "attach";
  step.input = dump(json_of(disk));
  step.probe = apply_again;
  step.apply = [&world, identity, disk]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    if (!is_active(observed->power)) return Effect::done("not running");
    if (observed->live && find_disk(*observed->live, disk.name) != nullptr)
      return Effect::done("was there");
    auto attached = world.host.tuning.attach_disk(identity.uuid, disk);
    if (attached) return Effect::done();
    if (attached.error().code() != Errc::denied) return std::move(attached).error();
    return Effect::done("declined: attached at the next start");
  };
  return step;
}

}  // namespace

Result<NewOperation> begin(const GuestWorld&, const GuestFacts& facts, const AddVolume& action) {
  if (!facts.identity) return Error{Errc::internal, "volume of a guest that was never made"};
  GuestIdentity identity = *facts.identity;
  const host::Disk& disk = action.disk;
  if (identity.find_disk(disk.name) == nullptr)
    identity.disks.push_back({disk.name, disk.target, disk.path, disk.path, disk.format, {}});
  NewOperation operation;
  operation.kind = operation_kind::add_volume;
  operation.input =
      dump({{"identity", json_of(identity)}, {"disk", json_of(disk)}, {"isMade", action.is_made}});
  return operation;
}

Result<GuestOperation> load_add_volume(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  host::Disk disk;
  bool is_made = false;
  Fields fields{json};
  fields.value("identity", identity, read_identity).value("disk", disk, read_disk);
  fields.flag("isMade", is_made);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  if (!is_made) operation.steps.push_back(create_step(world, identity, disk));
  operation.steps.push_back(define_volume_step(world, identity, disk));
  operation.steps.push_back(attach_step(world, identity, disk));
  operation.on_success = TRY(remember(world, identity));
  return operation;
}

}  // namespace holdfast
