// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/disk_swap.hpp"

// The volume is taken out of the guest and set aside.
namespace holdfast {

Result<GuestOperation> load_remove_volume(const GuestWorld& world, const Operation& op) {
  const DiskSwap swap = TRY(read_swap(op));
  GuestOperation operation = begin_swap(world, op, swap);
  TRY(end_swap(world, op, swap, operation));
  return operation;
}

}  // namespace holdfast
