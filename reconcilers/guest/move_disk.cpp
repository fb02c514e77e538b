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

}  // namespace

Result<GuestOperation> load_move_disk(const GuestWorld& world, const Operation& op) {
  const DiskSwap swap = TRY(read_swap(op));
  if (!swap.made || swap.before.find_disk(swap.disk) == nullptr)
    return Error{Errc::corrupt, op.kind + " without a disk"};
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
