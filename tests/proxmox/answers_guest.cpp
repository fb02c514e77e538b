// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_facts.hpp"

namespace holdfast::standin {

using nlohmann::json;

json answer_guests(Call& call) {
  json rows = json::array();
  for (const auto& [vmid, guest] : call.world.guests) {
    if (guest.kind != call.kind || !call.may("/vms/" + std::to_string(vmid), "VM.Audit")) continue;
    rows.push_back(status_of(guest, call.world.now));
    // Without `full` QEMU itself is not asked.
    if (guest.kind == GuestKind::qemu)
      rows.back()["qmpstatus"] =
          call.flag("full") && guest.power == PowerState::paused ? "paused" : word_for(guest.power);
  }
  return rows;
}

json answer_status(Call& call) {
  const Guest& guest = call.guest();
  json shown = status_of(guest, call.world.now);
  shown["ha"] = {{"managed", 0}};
  if (guest.kind == GuestKind::lxc) return shown;
  shown["qmpstatus"] = guest.power == PowerState::paused ? "paused" : word_for(guest.power);
  if (guest.config.contains("agent")) shown["agent"] = 1;
  if (guest.power == PowerState::stopped) return shown;
  shown["running-qemu"] = "10.0.2";
  shown["running-machine"] = "pc-i440fx-10.0+pve0";
  return shown;
}

json answer_config(Call& call) {
  const Guest& guest = call.guest();
  Config config = call.flag("current") ? guest.config : merged_config(guest);
  if (call.has("snapshot")) {
    const auto found = guest.snapshots.find(call.text("snapshot"));
    if (found == guest.snapshots.end())
      refuse("snapshot '" + call.text("snapshot") + "' does not exist");
    config = found->second.config;
  }
  if (!guest.parent.empty()) config["parent"] = guest.parent;
  json shown = to_json(call.world.version, guest.kind, config);
  if (!guest.raw_lxc.empty() && guest.kind == GuestKind::lxc) {
    shown["lxc"] = json::array();
    for (const auto& line : guest.raw_lxc) {
      const auto colon = line.find(": ");
      shown["lxc"].push_back({line.substr(0, colon), line.substr(colon + 2)});
    }
  }
  shown["digest"] = digest_of(guest);
  return shown;
}

json answer_pending(Call& call) {
  const Guest& guest = call.guest();
  json rows = json::array();
  const auto shown = [&](const std::string& key, const std::string& value) {
    return to_json(call.world.version, guest.kind, key, value);
  };
  for (const auto& [key, value] : guest.config) {
    json row{{"key", key}, {"value", shown(key, value)}};
    if (const auto pending = guest.pending.find(key); pending != guest.pending.end())
      row["pending"] = shown(key, pending->second);
    if (guest.pending_delete.contains(key)) row["delete"] = 1;
    rows.push_back(std::move(row));
  }
  for (const auto& [key, value] : guest.pending)
    if (!guest.config.contains(key)) rows.push_back({{"key", key}, {"pending", shown(key, value)}});
  rows.push_back({{"key", "digest"}, {"value", digest_of(guest)}});
  return rows;
}

}  // namespace holdfast::standin
