// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "tests/proxmox/world.hpp"

// What lists and status calls show of a guest.
namespace holdfast::standin {

std::string name_of(const Guest& guest);
std::string word_for(PowerState power);       // "running"; a paused VM runs, too
std::uint64_t memory_of(const Guest& guest);  // bytes
std::int64_t cpus_of(const Guest& guest);
std::uint64_t disk_size_of(const Guest& guest);  // of its first disk
std::int64_t uptime_of(const Guest& guest, std::int64_t now);
// GET .../status/current and one row of a node's list.
nlohmann::json status_of(const Guest& guest, std::int64_t now);
// One row of /cluster/resources.
nlohmann::json resource_of(const Guest& guest, const std::string& node, std::int64_t now);
// With what is pending, or as it runs.
Config merged_config(const Guest& guest);

}  // namespace holdfast::standin
