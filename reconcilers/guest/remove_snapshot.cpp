// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/signed_steps.hpp"
#include "reconcilers/guest/snapshot_order.hpp"

namespace holdfast {
namespace {

Result<gate::Permit> ask(const GuestWorld& world, const Operation& op, const SnapshotOrder& order) {
  const auto authority = TRY(authority_of(world, order.job));
  PermitRequest request =
      TRY(snapshot_request(world, gate::Verb::remove_snapshot, order, authority));
  request.operation = op.id;
  return ask_permit(world, request);
}

}  // namespace

NewOperation remove_snapshot(const SnapshotOrder& order) {
  return new_snapshot_operation(operation_kind::remove_snapshot, order);
}

Result<GuestOperation> load_remove_snapshot(const GuestWorld& world, const Operation& op) {
  const SnapshotOrder order = TRY(read_snapshot_order(op));
  Step step;
  step.name = "remove_snapshot";
  step.input = dump({{"snapshot", order.snapshot}});
  step.probe = [&world, order]() -> Result<Probe> {
    const auto copies = TRY(copies_around(world, order));
    return copies ? Probe::not_applied() : Probe::applied();
  };
  step.apply = [&world, op, order]() -> Result<Effect> {
    auto permit = TRY(ask(world, op, order));
    TRY(world.host.snapshots.remove(std::move(permit), order.identity.uuid, order.snapshot));
    return Effect::done();
  };
  GuestOperation operation;
  if (!order.job.empty())
    add_signed_start(
        world, order.identity, order.job, [&world, op, order] { return ask(world, op, order); },
        operation.steps);
  operation.steps.push_back(std::move(step));
  return operation;
}

}  // namespace holdfast
