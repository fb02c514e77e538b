// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "drivers/libvirt/snapshot_records.hpp"

namespace holdfast::libvirt {

// Merges each layer that snapshot `name` made into the disk below it, deletes the emptied
// file and forgets the snapshot. A layer below which others rest too (after a roll-back)
// stays. May be killed anywhere and called again; a snapshot that is gone is success.
Result<void> merge_and_forget(Core& core, const Connection& connection, const OurDomain& ours,
                              const std::string& name);

}  // namespace holdfast::libvirt
