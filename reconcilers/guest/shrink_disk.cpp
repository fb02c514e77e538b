// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/disk_swap.hpp"

// A shorter copy takes the disk's place. The disk itself is not cut: what lay beyond the new
// end can be had back for seven days, at the price of room for the copy.
namespace holdfast {

Result<GuestOperation> load_shrink_disk(const GuestWorld& world, const Operation& op) {
  const DiskSwap swap = TRY(read_swap(op));
  if (!swap.made || swap.before.find_disk(swap.disk) == nullptr)
    return Error{Errc::corrupt, op.kind + " without a disk"};
  GuestOperation operation = begin_swap(world, op, swap);
  operation.steps.push_back(copy_step(world, op, swap));
  TRY(end_swap(world, op, swap, operation));
  return operation;
}

}  // namespace holdfast
