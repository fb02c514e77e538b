// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/proxmox/world.hpp"

namespace holdfast::standin {

// Adds to `world` what a JSON document says there is:
//   {"bridges": ["vmbr1"], "pools": ["ours"],
//    "storages": [{"name": "nvme", "type": "lvmthin", "content": ["images", "rootdir"]}],
//    "templates": [{"storage": "local", "name": "debian-12.tar.zst", "content": "root"}],
//    "archives": [{"storage": "local", "kind": "lxc", "vmid": 9100, "notes": "golden",
//                  "config": {"rootfs": "...", ...}, "contents": {"rootfs": "..."}}],
//    "guests": [{"kind": "qemu", "vmid": 100, "config": {"scsi0": "local:1"}, "content": "mine"}]}
// Throws std::runtime_error that says what is wrong and where.
void add_to(World& world, const std::string& document);

}  // namespace holdfast::standin
