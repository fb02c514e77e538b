// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "drivers/libvirt/metadata.hpp"
#include "drivers/libvirt/platform.hpp"
#include "host/observed.hpp"

// Domain XML (https://libvirt.org/formatdomain.html) out of definitions. Pure.
namespace holdfast::libvirt {

// All disks of a guest share one QEMU throttle group, so that a limit is one over all of them.
inline constexpr std::string_view throttle_group = "holdfast";

// The XML of a guest that does not exist yet. Errc::invalid when a name, path or text
// cannot stand in a domain XML.
Result<std::string> render_domain(const host::GuestDefinition& definition,
                                  const Platform& platform);

// `existing` (the persistent XML) made to say `definition`. What a definition does not
// speak of stays: hardware addresses, the pinned machine, devices and metadata of others;
// so that a guest does not find its network card elsewhere after an edit.
Result<std::string> amend_domain(std::string_view existing, const host::GuestDefinition& definition,
                                 const Platform& platform);

// `existing` with the marker of `definition` and the names of its disks; all else as it is.
// Errc::invalid when a later definition could not leave the guest as it is: a disk that is
// no file, a kernel that is booted directly, or a disk that `definition` does not name.
Result<std::string> adopt_domain(std::string_view existing,
                                 const host::GuestDefinition& definition);

// One <disk>; `device` is its place in the guest, such as "vdb".
Result<std::string> render_disk(const host::Disk& disk, const std::string& device,
                                const Limits& limits);
// One <interface>.
Result<std::string> render_nic(const host::Nic& nic);

// `domain` with the sources of its disks replaced by path and format, by device ("vda").
struct DiskSource {
  std::string device{};
  std::string path{};
  std::string format{};
};
Result<std::string> replace_sources(std::string_view domain,
                                    const std::vector<DiskSource>& sources);

}  // namespace holdfast::libvirt
