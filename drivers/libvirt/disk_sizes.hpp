// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/libvirt/core.hpp"
#include "drivers/libvirt/domain_parse.hpp"
#include "drivers/libvirt/handles.hpp"

namespace holdfast::libvirt {

// The virtual size of the disk at `device`, as the running guest sees it, or as it lies on
// the file system when the guest is stopped.
Result<Bytes> read_disk_size(Core& core, const Connection& connection, virDomain* domain,
                             const std::string& device, const host::Disk& disk);

// Of one disk, as far as it can be known.
struct DiskSize {
  Result<Bytes> seen;           // as read_disk_size()
  std::optional<Bytes> file{};  // as file_size(), of a raw disk
};

// The sizes of all disks of guest `uuid`, which runs or not as libvirt says, in their order.
// May wait for its QEMU or its storage; Errc::unavailable when they do not answer.
Result<std::vector<DiskSize>> ask_disk_sizes(Core& core, const Uuid& uuid,
                                             const ParsedDomain& parsed);

// The size that a raw disk's file has now: what a running guest sees after its next stop.
std::optional<Bytes> file_size(const std::string& path);

}  // namespace holdfast::libvirt
