// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "reconcilers/guest/disk_swap.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A verified copy on another target takes the disk's place, and the source goes: that is
// what moving is for. Where its permit is refused by then (the order has expired) it is set
// aside instead, and goes in seven days.
namespace holdfast {
namespace {

constexpr std::string_view removed = "removed";

Step remove_source_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap,
                        const std::shared_ptr<bool>& is_gone) {
  Step step;
  step.name = "remove_source";
  step.input = dump({{"path", swap.source}});
  step.probe = apply_again;  // a file that is gone is removed
  step.apply = [&world, op, swap, is_gone]() -> Result<Effect> {
    for (const std::string& path : files_of(*swap.before.find_disk(swap.disk))) {
      auto permit = ask_swap(world, op, swap, swap.after);
      if (!permit && permit.error().code() == Errc::denied)
        return Effect::done("set aside: " + permit.error().message());
      if (!permit) return std::move(permit).error();
      TRY(world.host.disks.remove(std::move(permit).value(), path));
    }
    *is_gone = true;
    return Effect::done(std::string{removed});
  };
  return step;
}

// Where disks live inside of their guests the provider copies and exchanges in one task, and the
// source stays with the guest, out of use.
Step move_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap) {
  Step step;
  step.name = "move";
  step.input = dump({{"disk", swap.disk}, {"to", swap.made->target}});
  step.no_return = true;
  step.probe = [&world, swap]() -> Result<Probe> {
    const auto observed = TRY(observe_existing(world, swap.before));
    return is_swapped(*observed, swap) ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, op, swap]() -> Result<Effect> {
    TRY(observe_existing(world, swap.before));
    auto permit = TRY(ask_swap(world, op, swap, swap.before));
    TRY(world.host.contained->move_disk(std::move(permit), swap.before.uuid, swap.disk,
                                        swap.made->target));
    return Effect::done();
  };
  return step;
}

// The guest itself remembers where its disks are.
Step describe_step(const GuestWorld& world, const DiskSwap& swap) {
  Step step;
  step.name = "describe";
  step.probe = apply_again;
  step.apply = [&world, swap]() -> Result<Effect> {
    const auto observed = TRY(observe_existing(world, swap.after));
    TRY(world.host.hypervisor.define(definition_as_observed(*observed, swap.after)));
    return Effect::done();
  };
  return step;
}

}  // namespace

Result<GuestOperation> load_move_disk(const GuestWorld& world, const Operation& op) {
  const DiskSwap swap = TRY(read_swap(op));
  if (!swap.made || swap.before.find_disk(swap.disk) == nullptr)
    return Error{Errc::corrupt, op.kind + " without a disk"};
  if (world.host.contained != nullptr) {
    GuestOperation operation = begin_swap(world, op, swap);
    operation.steps.push_back(move_step(world, op, swap));
    operation.steps.push_back(describe_step(world, swap));
    TRY(remember_swap(world, op, swap, operation));
    return operation;
  }
  auto is_gone = std::make_shared<bool>(false);
  for (const StepRecord& record : TRY(world.journal.steps(op.id)))
    if (record.name == "remove_source" && record.output == removed) *is_gone = true;
  GuestOperation operation = begin_swap(world, op, swap);
  operation.steps.push_back(copy_step(world, op, swap));
  TRY(end_swap(world, op, swap, operation, [is_gone] { return *is_gone; }));
  operation.steps.push_back(remove_source_step(world, op, swap, is_gone));
  return operation;
}

}  // namespace holdfast
