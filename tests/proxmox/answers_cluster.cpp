// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/guest_facts.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

constexpr std::uint64_t node_memory = 16ull << 30;

json node_row(Call& call) {
  json row{{"id", "node/" + call.world.node},
           {"node", call.world.node},
           {"type", "node"},
           {"status", "online"},
           {"level", ""}};
  if (!call.may("/nodes/" + call.world.node, "Sys.Audit")) return row;
  row["maxcpu"] = 4;
  row["cpu"] = 0.02;
  row["maxmem"] = node_memory;
  row["mem"] = node_memory / 8;
  row["uptime"] = 4713;
  return row;
}

json storage_row(Call& call, const Storage& storage) {
  std::string content;
  for (const auto& kind : storage.content) content += (content.empty() ? "" : ",") + kind;
  return {{"id", "storage/" + call.world.node + "/" + storage.name},
          {"type", "storage"},
          {"storage", storage.name},
          {"node", call.world.node},
          {"status", storage.is_active ? "available" : "unknown"},
          {"plugintype", storage.type},
          {"content", content},
          {"shared", 0},
          {"maxdisk", storage.is_active ? storage.total : 0},
          {"disk", storage.is_active ? storage.total / 10 : 0}};
}

}  // namespace

json answer_version(Call& call) {
  if (call.world.version == Version::v8_4)
    return {{"version", "8.4.21"}, {"repoid", "2606ac850d46da29"}, {"release", "8.4"}};
  return {{"version", "9.1.3"}, {"repoid", "8364a8bb4dd0a1ef"}, {"release", "9.1"}};
}

json answer_permissions(Call& call) {
  std::set<std::string> paths{"/",     "/access", "/access/groups", "/nodes",
                              "/pool", "/sdn",    "/storage",       "/vms"};
  if (call.has("path")) paths = {call.text("path")};
  if (!call.has("path")) paths.merge(call.world.access.granted_paths(call.caller));
  json shown = json::object();
  for (const auto& path : paths)
    for (const auto& privilege :
         call.world.access.privileges(call.caller, path, call.world.version))
      shown[path][privilege] = 1;
  return shown;
}

json answer_resources(Call& call) {
  const std::string type = call.text("type");
  json rows = json::array();
  for (const auto& [vmid, guest] : call.world.guests)
    if ((type.empty() || type == "vm") && call.may("/vms/" + std::to_string(vmid), "VM.Audit"))
      rows.push_back(resource_of(guest, call.world.node, call.world.now));
  if (type.empty() || type == "node") {
    json row = node_row(call);
    row["cgroup-mode"] = 2;
    rows.push_back(row);
  }
  for (const auto& [name, storage] : call.world.storages)
    if ((type.empty() || type == "storage") && call.may("/storage/" + name, "Datastore.Audit"))
      rows.push_back(storage_row(call, storage));
  return rows;
}

json answer_next_id(Call& call) {
  if (!call.has("vmid")) return std::to_string(call.world.free_vmid());
  if (call.world.guests.contains(call.vmid()))
    refuse_parameter("vmid", "VM " + call.text("vmid") + " already exists");
  return call.text("vmid");
}

json answer_nodes(Call& call) {
  json row = node_row(call);
  row["ssl_fingerprint"] =
      "F6:DA:E7:73:79:B2:92:B8:11:76:12:06:17:E6:5F:DD:7B:4B:3E:0E:15:88:32:FB:4E:01:58:FD:32:0D:"
      "3C:6C";
  return json::array({row});
}

json answer_node_status(Call& call) {
  return {{"pveversion", "pve-manager/" + answer_version(call)["version"].get<std::string>()},
          {"cpu", 0.02},
          {"loadavg", {"0.10", "0.08", "0.05"}},
          {"uptime", 4713},
          {"memory",
           {{"total", node_memory}, {"used", node_memory / 8}, {"free", node_memory / 8 * 7}}},
          {"rootfs", {{"total", 32ull << 30}, {"used", 4ull << 30}, {"avail", 28ull << 30}}},
          {"cpuinfo", {{"cpus", 4}, {"cores", 4}, {"sockets", 1}}},
          {"current-kernel", {{"sysname", "Linux"}, {"machine", "x86_64"}}},
          {"boot-info", {{"mode", "efi"}}}};
}

json answer_network(Call& call) {
  json rows = json::array();
  const std::string type = call.text("type");
  if (!type.empty() && type != "bridge" && !type.starts_with("any_")) return rows;
  for (const auto& bridge : call.world.bridges)
    rows.push_back({{"iface", bridge}, {"type", "bridge"}, {"active", 1}, {"method", "static"}});
  return rows;
}

}  // namespace holdfast::standin
