// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drivers/libvirt/core.hpp"
#include "drivers/libvirt/domain_parse.hpp"
#include "drivers/libvirt/handles.hpp"

namespace holdfast::libvirt {

// The virtual size of the disk at `device`, as the running guest sees it, or as it lies on
// the file system when the guest is stopped.
Result<Bytes> read_disk_size(Core& core, const Connection& connection, virDomain* domain,
                             const std::string& device, const host::Disk& disk);

// Fills in the sizes of all disks; a size that cannot be read becomes part of `problem`.
void fill_disk_sizes(Core& core, const Connection& connection, virDomain* domain,
                     ParsedDomain& parsed);

// The size that a raw disk's file has now: what a running guest sees after its next stop.
std::optional<Bytes> file_size(const std::string& path);

}  // namespace holdfast::libvirt
