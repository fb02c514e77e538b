// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/guest_facts.hpp"

#include <cstdlib>

#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

std::string option(const Guest& guest, const std::string& key, const std::string& otherwise) {
  const auto found = guest.config.find(key);
  return found == guest.config.end() ? otherwise : found->second;
}

json counters() {
  return {{"cpu", 0}, {"diskread", 0}, {"diskwrite", 0}, {"netin", 0}, {"netout", 0}};
}

void add_marks(json& row, const Guest& guest) {
  for (const auto* key : {"lock", "tags"})
    if (guest.config.contains(key)) row[key] = guest.config.at(key);
}

}  // namespace

std::string name_of(const Guest& guest) {
  if (guest.kind == GuestKind::lxc)
    return option(guest, "hostname", "CT" + std::to_string(guest.vmid));
  return option(guest, "name", "VM " + std::to_string(guest.vmid));
}

std::string word_for(PowerState power) {
  return power == PowerState::stopped ? "stopped" : "running";
}

std::uint64_t memory_of(const Guest& guest) {
  const auto text = option(guest, "memory", "512");
  return std::strtoull(text.c_str() + (text.starts_with("current=") ? 8 : 0), nullptr, 10) << 20;
}

std::int64_t cpus_of(const Guest& guest) {
  // A container without a limit has the machine's, a VM one core a socket.
  if (guest.kind == GuestKind::lxc) return std::atoll(option(guest, "cores", "2").c_str());
  return std::atoll(option(guest, "cores", "1").c_str()) *
         std::atoll(option(guest, "sockets", "1").c_str());
}

std::uint64_t disk_size_of(const Guest& guest) {
  for (const auto* key : {"rootfs", "scsi0", "virtio0", "sata0", "ide0"}) {
    const auto value = option(guest, key, "");
    const auto at = value.find("size=");
    if (at == std::string::npos) continue;
    return parse_size(value.substr(at + 5, value.find(',', at) - at - 5));
  }
  return 0;
}

std::int64_t uptime_of(const Guest& guest, std::int64_t now) {
  return guest.power == PowerState::stopped ? 0 : now - guest.started;
}

json status_of(const Guest& guest, std::int64_t now) {
  const bool runs = guest.power != PowerState::stopped;
  json row = counters();
  row["vmid"] = guest.vmid;
  row["name"] = name_of(guest);
  row["status"] = word_for(guest.power);
  row["uptime"] = uptime_of(guest, now);
  row["cpus"] = cpus_of(guest);
  row["maxmem"] = memory_of(guest);
  row["mem"] = runs ? memory_of(guest) / 4 : 0;
  row["maxdisk"] = disk_size_of(guest);
  row["disk"] = runs && guest.kind == GuestKind::lxc ? disk_size_of(guest) / 50 : 0;
  if (runs) row["pid"] = guest.pid;
  add_marks(row, guest);
  if (guest.kind == GuestKind::lxc) {
    row["type"] = "lxc";
    row["swap"] = 0;
    row["maxswap"] = std::strtoull(option(guest, "swap", "512").c_str(), nullptr, 10) << 20;
  }
  return row;
}

json resource_of(const Guest& guest, const std::string& node, std::int64_t now) {
  json row = guest.told ? counters() : json::object();
  const std::string type{to_string(guest.kind)};
  row["id"] = type + "/" + std::to_string(guest.vmid);
  row["type"] = type;
  row["vmid"] = guest.vmid;
  row["node"] = node;
  row["status"] = guest.told ? word_for(*guest.told) : "unknown";
  add_marks(row, guest);
  if (!guest.pool.empty()) row["pool"] = guest.pool;
  if (!guest.told) return row;
  const bool runs = *guest.told != PowerState::stopped;
  row["name"] = name_of(guest);
  row["template"] = 0;
  row["uptime"] = runs ? uptime_of(guest, now) : 0;
  row["maxcpu"] = cpus_of(guest);
  row["maxmem"] = memory_of(guest);
  row["mem"] = runs ? memory_of(guest) / 4 : 0;
  row["maxdisk"] = disk_size_of(guest);
  row["disk"] = 0;
  return row;
}

Config merged_config(const Guest& guest) {
  Config config = guest.config;
  for (const auto& key : guest.pending_delete) config.erase(key);
  for (const auto& [key, value] : guest.pending) config[key] = value;
  return config;
}

}  // namespace holdfast::standin
