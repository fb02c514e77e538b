// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/signed_steps.hpp"
#include "reconcilers/guest/snapshot_order.hpp"

// Asked of the gate before the guest is stopped, and again before its disks change. What
// was written since the snapshot stays in files beside them. It is left stopped: desired
// state says whether it is to run.
namespace holdfast {
namespace {

constexpr Duration stop_timeout = std::chrono::seconds{60};

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const SnapshotOrder& order) {
  const auto authority = TRY(authority_of(world, order.job));
  PermitRequest request =
      TRY(snapshot_request(world, gate::Verb::roll_back_snapshot, order, authority));
  request.operation = op.id;
  return ask_permit(world, request);
}

// After it everything is as it was at the snapshot, so doing it again to a guest that has
// not run since changes nothing.
Step roll_back_step(const GuestWorld& world, const Operation& op, const SnapshotOrder& order) {
  Step step;
  step.name = "roll_back";
  step.input = dump({{"snapshot", order.snapshot}});
  step.probe = apply_again;
  step.apply = [&world, op, order]() -> Result<Effect> {
    auto permit = TRY(ask(world, op, order));
    TRY(world.host.snapshots.roll_back(std::move(permit), order.identity.uuid, order.snapshot));
    return Effect::done();
  };
  return step;
}

}  // namespace

NewOperation roll_back_guest(const SnapshotOrder& order) {
  return new_snapshot_operation(operation_kind::roll_back, order);
}

Result<GuestOperation> load_roll_back(const GuestWorld& world, const Operation& op) {
  const SnapshotOrder order = TRY(read_snapshot_order(op));
  GuestOperation operation;
  add_signed_start(
      world, order.identity, order.job, [&world, op, order] { return ask(world, op, order); },
      operation.steps);
  add_stop_steps(world, order.identity, stop_timeout, operation.steps);
  operation.steps.push_back(roll_back_step(world, op, order));
  return operation;
}

}  // namespace holdfast
