// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// One step: the file of a stopped guest, or the disk of a running one.
namespace holdfast {
namespace {

// The file the guest writes to now: not the one planned with, after a snapshot since.
Result<host::Disk> attached_disk(const host::ObservedGuest& observed, const std::string& name) {
  if (const host::Disk* disk = find_disk(observed.configured, name)) return *disk;
  return Error{Errc::conflict, "disk " + name + " is not attached"};
}

Step grow_step(const GuestWorld& world, const GuestIdentity& identity, const std::string& disk,
               Bytes size) {
  Step step;
  step.name = "grow";
  step.input = dump({{"disk", disk}, {"size", size.value}});
  step.probe = apply_again;  // growing to a size twice is growing to it once
  step.apply = [&world, identity, disk, size]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, identity));
    const host::Disk now = TRY(attached_disk(*observed, disk));
    if (now.size >= size) return Effect::done("large enough");
    if (is_active(observed->power))
      TRY(world.host.tuning.grow_disk(identity.uuid, disk, size));
    else
      TRY(world.host.disks.grow(now.path, size));
    return Effect::done();
  };
  return step;
}

}  // namespace

Result<NewOperation> begin(const GuestWorld&, const GuestFacts& facts, const GrowDisk& action) {
  if (!facts.identity) return Error{Errc::internal, "disk of a guest that was never made"};
  NewOperation operation;
  operation.kind = operation_kind::grow_disk;
  operation.input = dump({{"identity", json_of(*facts.identity)},
                          {"disk", action.disk.name},
                          {"size", action.size.value}});
  return operation;
}

Result<GuestOperation> load_grow_disk(const GuestWorld& world, const Operation& op) {
  const auto json = TRY(parse_json(op.input));
  GuestIdentity identity;
  std::string disk;
  Bytes size;
  Fields fields{json};
  fields.value("identity", identity, read_identity).text("disk", disk).bytes("size", size);
  TRY(fields.end(op.kind));
  GuestOperation operation;
  operation.steps.push_back(grow_step(world, identity, disk, size));
  return operation;
}

}  // namespace holdfast
