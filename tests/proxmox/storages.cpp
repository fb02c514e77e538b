// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

std::string list_of(const std::set<std::string>& kinds) {
  std::string text;
  for (const auto& kind : kinds) text += (text.empty() ? "" : ",") + kind;
  return text;
}

bool may_see(const Call& call, const std::string& storage) {
  return call.may_any("/storage/" + storage, {"Datastore.Audit", "Datastore.AllocateSpace"});
}

std::uint64_t used_of(const World& world, const Storage& storage) {
  std::uint64_t used = storage.total / 10;
  for (const auto& [id, volume] : world.volumes)
    if (volume.storage == storage.name) used += volume.size / 10;
  return std::min(used, storage.total);
}

json status_of_storage(const Call& call, const Storage& storage) {
  json row{{"type", storage.type},
           {"content", list_of(storage.content)},
           {"enabled", 1},
           {"active", storage.is_active ? 1 : 0},
           {"shared", 0}};
  const auto used = storage.is_active ? used_of(call.world, storage) : 0;
  row["total"] = storage.is_active ? storage.total : 0;
  row["used"] = used;
  row["avail"] = storage.is_active ? storage.total - used : 0;
  return row;
}

Storage& known_storage(const Call& call) {
  const auto found = call.world.storages.find(call.text("storage"));
  if (found == call.world.storages.end()) refuse_parameter("storage", "No such storage.");
  return found->second;
}

void require_online(const Storage& storage) {
  if (!storage.is_active) refuse("storage '" + storage.name + "' is not online");
}

// Backups are for those who may make them.
bool may_see(const Call& call, const Volume& volume) {
  if (volume.kind != "backup") return true;
  const auto path = "/storage/" + volume.storage;
  if (call.may(path, "Datastore.Allocate")) return true;
  return volume.vmid != 0 && call.may(path, "Datastore.AllocateSpace") &&
         call.may("/vms/" + std::to_string(volume.vmid), "VM.Backup");
}

json row_of(const Volume& volume) {
  json row{{"volid", volume.id},
           {"content", volume.kind},
           {"format", volume.format},
           {"size", volume.size},
           {"ctime", volume.created}};
  if (volume.vmid != 0) row["vmid"] = volume.vmid;
  if (volume.kind == "backup") row["subtype"] = std::string{to_string(volume.archive->kind)};
  if (!volume.notes.empty()) row["notes"] = volume.notes;
  if (volume.is_protected) row["protected"] = 1;
  if (volume.kind == "rootdir" || volume.kind == "images") {
    row["used"] = volume.size / 10;
    row["parent"] = nullptr;
  }
  return row;
}

std::string full_id(const Call& call) {
  const auto volume = call.text("volume");
  return volume.find(':') == std::string::npos ? call.text("storage") + ":" + volume : volume;
}

Volume& known_volume(const Call& call) {
  const auto id = full_id(call);
  Volume* volume = call.world.find_volume(id);
  if (volume == nullptr) refuse("volume_size_info on '" + id + "' failed - no format");
  if (!may_see(call, *volume))
    refuse_permission("/storage/" + volume->storage + ", Datastore.Allocate");
  return *volume;
}

}  // namespace

json list_storages(Call& call) {
  json rows = json::array();
  for (const auto& [name, storage] : call.world.storages) {
    if (!may_see(call, name) || (call.has("storage") && call.text("storage") != name)) continue;
    const auto wanted = split_list(call.text("content"));
    const auto is_kept = [&content = storage.content](const auto& kind) {
      return content.contains(kind);
    };
    const bool fits = wanted.empty() || std::any_of(wanted.begin(), wanted.end(), is_kept);
    if (!fits) continue;
    json row = status_of_storage(call, storage);
    row["storage"] = name;
    rows.push_back(std::move(row));
  }
  return rows;
}

json answer_storage_status(Call& call) { return status_of_storage(call, known_storage(call)); }

json list_content(Call& call) {
  const auto& storage = known_storage(call);
  require_online(storage);
  json rows = json::array();
  for (const auto& [id, volume] : call.world.volumes) {
    if (volume.storage != storage.name || !may_see(call, volume)) continue;
    if (call.has("content") && volume.kind != call.text("content")) continue;
    if (call.has("vmid") && volume.vmid != call.vmid()) continue;
    rows.push_back(row_of(volume));
  }
  return rows;
}

json allocate_disk(Call& call) {
  const auto& storage = known_storage(call);
  require_online(storage);
  const auto name = call.text("filename");
  const auto vmid = call.text("vmid");
  if (!name.starts_with("vm-" + vmid + "-") && !name.starts_with("subvol-" + vmid + "-"))
    refuse("illegal name '" + name + "' - should be 'vm-" + vmid + "-*'");
  const bool has_files = storage.type == "dir" || storage.type == "btrfs";
  const std::string id = storage.name + ":" + (has_files ? vmid + "/" : "") + name;
  if (call.world.find_volume(id) != nullptr) refuse("disk image '" + name + "' already exists");
  call.world.volumes[id] = {.id = id,
                            .storage = storage.name,
                            .kind = "images",
                            .format = name.ends_with(".qcow2") ? "qcow2" : "raw",
                            .vmid = call.vmid(),
                            // KiB where no unit is given.
                            .size = parse_size(call.text("size")) *
                                    (std::isdigit(call.text("size").back()) != 0 ? 1024 : 1),
                            .created = call.world.now};
  return id;
}

json answer_volume(Call& call) {
  const Volume& volume = known_volume(call);
  const auto& storage = call.storage(volume.storage);
  const auto slash = volume.id.find('/');
  const std::string folder = volume.kind == "backup" ? "/dump/" : "/images/";
  return {{"path", storage.path + folder + volume.id.substr(slash + 1)},
          {"size", volume.size},
          {"used", volume.size},
          {"format", volume.kind == "backup" ? "raw" : volume.format},
          {"notes", volume.notes},
          {"protected", volume.is_protected ? 1 : 0}};
}

json put_volume(Call& call) {
  Volume& volume = known_volume(call);
  if (volume.kind != "backup") refuse("attribute is not supported for this volume");
  if (call.has("notes")) volume.notes = call.text("notes");
  if (call.has("protected")) volume.is_protected = call.flag("protected");
  return nullptr;
}

json delete_volume(Call& call) {
  const auto id = full_id(call);
  const std::string storage = id.substr(0, id.find(':'));
  call.storage(storage);
  const Volume* volume = call.world.find_volume(id);
  const bool is_own_backup = volume != nullptr && volume->kind == "backup" && volume->vmid != 0 &&
                             call.may("/vms/" + std::to_string(volume->vmid), "VM.Backup");
  if (is_own_backup)
    call.require_any("/storage/" + storage, {"Datastore.Allocate", "Datastore.AllocateSpace"});
  else
    call.require("/storage/" + storage, "Datastore.Allocate");
  const std::string owner =
      volume == nullptr || volume->vmid == 0 ? "" : std::to_string(volume->vmid);
  Work work{.finish = [call, id](Task& task) mutable {
    const Volume* gone = call.world.find_volume(id);
    if (gone == nullptr) refuse("volume '" + id + "' does not exist");
    if (gone->is_protected) refuse("can't remove protected volume '" + id + "'");
    for (const auto& [vmid, guest] : call.world.guests)
      for (const auto& [key, value] : guest.config)
        if (volume_of(value) == id) refuse("volume '" + id + "' is used by guest");
    call.world.free_volume(id);
    task.say("Removed volume '" + id + "'");
  }};
  // Waited for, the answer is the end.
  const bool is_waited_for = call.has("delay");
  if (is_waited_for) work.takes = Duration{0};
  const auto upid =
      call.tasks.fork(call.caller, "imgdel", owner + "@" + storage, std::move(work), call.now);
  if (!is_waited_for) return upid;
  const Task* task = call.tasks.find(upid);
  if (task->exit != "OK") refuse(task->exit);
  return nullptr;
}

json list_storage_configs(Call& call) {
  json rows = json::array();
  for (const auto& [name, storage] : call.world.storages)
    if (may_see(call, name) && (!call.has("type") || call.text("type") == storage.type))
      rows.push_back({{"storage", name},
                      {"type", storage.type},
                      {"path", storage.path},
                      {"content", list_of(storage.content)},
                      {"digest", "848f216c497c04358b7040e9d9be4e813282c093"}});
  return rows;
}

json answer_storage_config(Call& call) {
  const auto& storage = call.storage(call.text("storage"));
  return {{"storage", storage.name},
          {"type", storage.type},
          {"path", storage.path},
          {"content", list_of(storage.content)},
          {"digest", "848f216c497c04358b7040e9d9be4e813282c093"}};
}

namespace {

// Newest first, of one guest each.
std::map<int, std::vector<Volume*>> backups_of(Call& call) {
  std::map<int, std::vector<Volume*>> by_guest;
  for (auto& [id, volume] : call.world.volumes) {
    if (volume.kind != "backup" || volume.storage != call.text("storage")) continue;
    if (call.has("vmid") && volume.vmid != call.vmid()) continue;
    if (call.has("type") && to_string(volume.archive->kind) != call.text("type")) continue;
    by_guest[volume.vmid].push_back(&volume);
  }
  for (auto& [vmid, volumes] : by_guest)
    std::sort(volumes.begin(), volumes.end(),
              [](const auto* a, const auto* b) { return a->created > b->created; });
  return by_guest;
}

// Only how many last ones are kept is played.
std::size_t kept(const Call& call) {
  if (!call.has("prune-backups"))
    refuse("no prune-backups options configured for storage '" + call.text("storage") + "'");
  const auto text = call.text("prune-backups");
  const auto at = text.find("keep-last=");
  if (at == std::string::npos) return static_cast<std::size_t>(-1);
  return static_cast<std::size_t>(std::stoul(text.substr(at + 10)));
}

}  // namespace

json preview_prune(Call& call) {
  known_storage(call);
  const auto keep = kept(call);
  json rows = json::array();
  for (const auto& [vmid, volumes] : backups_of(call))
    for (std::size_t i = 0; i < volumes.size(); ++i)
      rows.push_back({{"volid", volumes[i]->id},
                      {"vmid", vmid},
                      {"type", std::string{to_string(volumes[i]->archive->kind)}},
                      {"ctime", volumes[i]->created},
                      {"mark", volumes[i]->is_protected ? "protected"
                               : i < keep               ? "keep"
                                                        : "remove"}});
  return rows;
}

json prune(Call& call) {
  known_storage(call);
  const auto path = "/storage/" + call.text("storage");
  if (call.has("vmid") && call.may(call.vms_path(), "VM.Backup"))
    call.require_any(path, {"Datastore.Allocate", "Datastore.AllocateSpace"});
  else
    call.require(path, "Datastore.Allocate");
  const auto keep = kept(call);
  return call.tasks.fork(call.caller, "prunebackups",
                         call.text("vmid") + "@" + call.text("storage"),
                         {.finish =
                              [call, keep](Task&) mutable {
                                for (const auto& [vmid, volumes] : backups_of(call))
                                  for (std::size_t i = keep; i < volumes.size(); ++i)
                                    if (!volumes[i]->is_protected)
                                      call.world.free_volume(volumes[i]->id);
                              }},
                         call.now);
}

}  // namespace holdfast::standin
