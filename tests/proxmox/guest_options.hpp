// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tests/proxmox/call.hpp"

// What creating, restoring and changing a guest have in common. Private to the stand-in.
namespace holdfast::standin {

// 403, or what the real one says: whether this token may set `key` so. `is_unprivileged`: of
// the container that it is set on.
void require_option_right(const Call& call, const std::string& key, const std::string& value,
                          bool is_unprivileged);
void require_delete_right(const Call& call, const std::string& key);
// SDN.Use on the bridge of a NIC's value.
void require_bridge_right(const Call& call, const std::string& key, const std::string& value);

// The value that the configuration will hold: "local:4" becomes a new volume of 4 GiB, a volume
// that exists is checked. Refuses what cannot be.
std::string make_disk(Call& call, int vmid, const std::string& key, const std::string& value);
// All of them, the root first.
void make_disks(Call& call, int vmid, Config& disks);
// AllocateSpace on the storage of a disk to be made, and that it can hold such disks.
void require_space(const Call& call, const std::string& storage);
// With a MAC, and for containers a type.
std::string complete_nic(World& world, GuestKind kind, const std::string& key,
                         const std::string& value);
// "STORE:GIB": a disk yet to be made.
bool is_new_disk(const std::string& value);

// Puts a volume that no disk refers to any longer under the next free "unusedN".
void set_aside(Config& config, const std::string& volume);

}  // namespace holdfast::standin
