// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/snapshot_order.hpp"

// One call, atomic over all disks. The overlays it makes are noticed by the next
// observation and remembered then.
namespace holdfast {

NewOperation snapshot_guest(const SnapshotOrder& order) {
  return new_snapshot_operation(operation_kind::snapshot, order);
}

Result<GuestOperation> load_snapshot(const GuestWorld& world, const Operation& op) {
  const SnapshotOrder order = TRY(read_snapshot_order(op));
  Step step;
  step.name = "snapshot";
  step.input = dump({{"snapshot", order.snapshot}});
  step.probe = [&world, order]() -> Result<Probe> {
    const auto copies = TRY(copies_around(world, order));
    return copies ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, order]() -> Result<Effect> {
    TRY(observe_existing(world, order.identity));
    TRY(world.host.snapshots.create(order.identity.uuid, order.snapshot));
    return Effect::done();
  };
  GuestOperation operation;
  operation.steps.push_back(std::move(step));
  return operation;
}

}  // namespace holdfast
