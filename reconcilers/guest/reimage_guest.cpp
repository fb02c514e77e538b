// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/disk_swap.hpp"
#include "reconcilers/guest/guest_steps.hpp"
#include "reconcilers/guest/json_fields.hpp"

// A new root disk from an image, beside the old one, and a new incarnation: what was bound to
// the guest as it was (orders, snapshots) does not fit it any more. It boots for the first
// time; its volumes, addresses and UUID stay. The old root disk is set aside.
namespace holdfast {
namespace {

Step restore_step(const GuestWorld& world, const Operation& op, const DiskSwap& swap) {
  Step step;
  step.name = "restore";
  step.input = dump({{"path", swap.made->path}});
  step.probe = [&world, path = swap.made->path]() -> Result<Probe> {
    const auto found = TRY(world.host.disks.find(path));
    return found ? Probe::applied() : Probe::not_applied();
  };
  step.apply = [&world, op, swap]() -> Result<Effect> {
    return parked_when_stopped(world,
                               world.host.disks.restore(swap.image, swap.disk, swap.made->path,
                                                        transfer_of(world, op, "restore")));
  };
  step.undo = remove_made(world, op, swap, swap.made->path);
  return step;
}

Step grow_step(const GuestWorld& world, const host::Disk& disk) {
  Step step;
  step.name = "grow";
  step.input = dump({{"path", disk.path}, {"size", disk.size.value}});
  step.probe = apply_again;  // growing to a size twice is growing to it once
  step.apply = [&world, disk]() -> Result<Effect> {
    TRY(world.host.disks.grow(disk.path, disk.size));
    return Effect::done();
  };
  return step;
}

}  // namespace

Result<GuestOperation> load_reimage(const GuestWorld& world, const Operation& op) {
  const DiskSwap swap = TRY(read_swap(op));
  if (!swap.made) return Error{Errc::corrupt, op.kind + " without a new disk"};
  GuestOperation operation = begin_swap(world, op, swap);
  operation.steps.push_back(restore_step(world, op, swap));
  if (swap.made->size > swap.image_size) operation.steps.push_back(grow_step(world, *swap.made));
  if (swap.seed) {
    operation.steps.push_back(write_seed_step(world, *swap.seed));
    operation.steps.back().undo = remove_made(world, op, swap, swap.seed->path);
  }
  TRY(end_swap(world, op, swap, operation));
  return operation;
}

}  // namespace holdfast
