// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/proxmox/value_checks.hpp"
#include "tests/proxmox/world.hpp"

// Configuration files: their text, their digest, and their values taken apart.
namespace holdfast::standin {

// As it stands in /etc/pve, with what is pending and the snapshots.
std::string text_of(const Guest& guest);
// Only the options, as a backup holds them.
std::string text_of(GuestKind kind, const Config& config, const std::vector<std::string>& raw_lxc);
// SHA-1 of text_of(guest), hex.
std::string digest_of(const Guest& guest);

// As GET config shows options: numbers where the schema says so.
nlohmann::json to_json(Version version, GuestKind kind, const Config& config);
nlohmann::json to_json(Version version, GuestKind kind, const std::string& key,
                       const std::string& value);

// The schema's property-string format of a configuration option; null: it has none.
const nlohmann::json* format_of(Version version, GuestKind kind, const std::string& key);
// The parts of a value that the schema accepts.
Properties parts_of(Version version, GuestKind kind, const std::string& key,
                    const std::string& value);
// Put together again in the real one's order: default key, required keys, the rest by name.
std::string joined(Version version, GuestKind kind, const std::string& key,
                   const Properties& parts);

bool is_disk(GuestKind kind, const std::string& key);  // rootfs, mp0 / scsi0, ...
bool is_unused(const std::string& key);                // unused3
bool is_nic(const std::string& key);                   // net0
// The volume id of a disk's or unused disk's value: what comes first.
std::string volume_of(const std::string& value);
// "volume", "bind" or "device", as containers' mount points are told apart.
std::string mount_type(const std::string& volume);

// "2G" -> bytes; "512" is bytes.
std::uint64_t parse_size(const std::string& text);
std::string print_size(std::uint64_t bytes);  // "2G", "512M"; nothing: "0T"

}  // namespace holdfast::standin
