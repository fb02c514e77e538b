// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_options.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

const std::vector<std::string> not_options{"digest",           "delete", "revert",
                                           "background_delay", "force",  "skiplock"};

// Whether a running guest has it at once; otherwise it waits for the next start.
bool is_hot(GuestKind kind, const std::string& key) {
  if (matches("description|onboot|protection|startup|tags|unused\\d+|lock", key)) return true;
  if (kind == GuestKind::lxc) return matches("memory|swap|cores|cpulimit|cpuunits|mp\\d+", key);
  return matches("name|hookscript|cpulimit|cpuunits|shares|net\\d+|(?:scsi|virtio|sata|ide)\\d+",
                 key);
}

bool is_option(const Call& call, const std::string& key) {
  Parameters ignored;
  const std::string path = "/nodes/n/" + std::string{to_string(call.kind)} + "/100/config";
  const auto* endpoint = ApiTable::committed().find("PUT", path, ignored);
  return find_parameter(endpoint->in(call.world.version), key) != nullptr &&
         std::find(not_options.begin(), not_options.end(), key) == not_options.end();
}

void refuse_contradictions(const Call& call, const std::vector<std::string>& deleted) {
  for (const auto& key : deleted) {
    if (call.has(key))
      refuse_parameter("delete",
                       "you can't use '-" + key + "' and -delete " + key + "' at the same time");
    if (!is_option(call, key)) refuse_parameter("delete", "unknown option '" + key + "'");
  }
}

void require_rights(const Call& call, const Guest& guest, const Config& options,
                    const std::vector<std::string>& deleted) {
  const bool is_unprivileged =
      guest.config.contains("unprivileged") && guest.config.at("unprivileged") == "1";
  for (const auto& key : deleted) require_delete_right(call, key);
  for (const auto& [key, value] : options) require_option_right(call, key, value, is_unprivileged);
}

// A disk that goes away is kept, unless it was put aside before.
void delete_now(Call& call, Guest& guest, const std::string& key) {
  const auto found = guest.config.find(key);
  guest.pending.erase(key);
  if (found == guest.config.end()) return;
  const std::string value = found->second;
  const std::string volume = volume_of(value);
  guest.config.erase(found);
  if (is_unused(key)) return call.world.free_volume(volume);
  if (!is_disk(call.kind, key)) return;
  const Volume* known = call.world.find_volume(volume);
  if (value.find("media=cdrom") != std::string::npos) {
    if (known != nullptr && known->kind == "images") call.world.free_volume(volume);
    return;
  }
  if (known != nullptr && known->vmid == guest.vmid) set_aside(guest.config, volume);
  // A boot order that named nothing else is a blank.
  const auto boot = guest.config.find("boot");
  if (boot != guest.config.end() && boot->second == "order=" + key) boot->second = " ";
}

// As things stand before any of it is done.
void refuse_protected(const Call& call, const Guest& guest, const std::vector<std::string>& keys) {
  const auto protection = guest.config.find("protection");
  if (protection == guest.config.end() || protection->second != "1") return;
  for (const auto& key : keys)
    if (is_disk(call.kind, key) || is_unused(key))
      refuse("can't remove " + call.title() + " drive '" + key + "' - protection mode enabled");
}

void delete_option(Call& call, Guest& guest, const std::string& key) {
  if (key == "rootfs") refuse("unable to delete required option 'rootfs'");
  const bool waits = guest.power != PowerState::stopped &&
                     (!is_hot(call.kind, key) ||
                      (call.kind == GuestKind::lxc && key[0] == 'm' && is_disk(call.kind, key)));
  if (!waits) return delete_now(call, guest, key);
  guest.pending.erase(key);
  if (guest.config.contains(key)) guest.pending_delete.insert(key);
}

void set_option(Call& call, Guest& guest, const std::string& key, std::string value) {
  if (key == "unprivileged" && call.kind == GuestKind::lxc)
    refuse("unable to modify read-only option: 'unprivileged'");
  if (is_disk(call.kind, key)) {
    const std::string old = guest.config.contains(key) ? volume_of(guest.config.at(key)) : "";
    const bool is_same = old == volume_of(value);
    value = make_disk(call, guest.vmid, key, value);
    // What was put aside is in use again; what is replaced is put aside.
    const std::string volume = volume_of(value);
    std::erase_if(guest.config, [&](const auto& entry) {
      return is_unused(entry.first) && entry.second == volume;
    });
    const Volume* replaced = call.world.find_volume(old);
    if (!is_same && replaced != nullptr && replaced->vmid == guest.vmid)
      set_aside(guest.config, old);
  }
  if (is_nic(key)) value = complete_nic(call.world, call.kind, key, value);
  if (key == "tags") {
    std::string tags;
    for (const auto& tag : split_list(value)) tags += (tags.empty() ? "" : ";") + tag;
    value = tags;
  }
  if (guest.power != PowerState::stopped && !is_hot(call.kind, key)) {
    guest.pending_delete.erase(key);
    if (guest.config.contains(key) && guest.config.at(key) == value)
      guest.pending.erase(key);
    else
      guest.pending[key] = value;
    return;
  }
  guest.pending.erase(key);
  guest.pending_delete.erase(key);
  guest.config[key] = value;
}

void change(Call& call) {
  const Config options = call.options(not_options);
  const auto deleted = split_list(call.text("delete"));
  const auto reverted = split_list(call.text("revert"));
  if (options.empty() && deleted.empty() && reverted.empty()) refuse("no options specified");
  Guest& guest = call.guest();
  refuse_contradictions(call, deleted);
  require_rights(call, guest, options, deleted);
  call.require_digest(guest);
  call.require_unlocked(guest);
  refuse_protected(call, guest, deleted);
  const Guest before = guest;
  try {
    for (const auto& key : reverted) {
      guest.pending.erase(key);
      guest.pending_delete.erase(key);
    }
    for (const auto& key : deleted) delete_option(call, guest, key);
    for (const auto& [key, value] : options) set_option(call, guest, key, value);
  } catch (const Refusal&) {
    // All of it or nothing; disks made for it go again.
    for (const auto& [key, value] : guest.config)
      if (is_disk(call.kind, key) && is_new_disk(call.text(key)) && !before.config.contains(key))
        call.world.free_volume(volume_of(value));
    guest = before;
    throw;
  }
}

}  // namespace

json put_config(Call& call) {
  change(call);
  return nullptr;
}

json post_config(Call& call) {
  if (call.options(not_options).empty() && !call.has("delete") && !call.has("revert"))
    refuse("no options specified");
  call.require_unlocked(call.guest());
  call.require_digest(call.guest());
  for (const auto& [key, value] : call.options(not_options))
    require_option_right(call, key, value, true);
  return call.fork("qmconfig", {.finish = [call](Task& task) mutable {
                     std::string line = "update VM " + call.text("vmid") + ":";
                     for (const auto& [key, value] : call.options(not_options))
                       line += " -" + key + " " + value;
                     task.say(line);
                     change(call);
                   }});
}

json unlink_disks(Call& call) {
  Guest& guest = call.guest();
  call.require_unlocked(guest);
  refuse_protected(call, guest, split_list(call.text("idlist")));
  for (const auto& key : split_list(call.text("idlist"))) {
    const auto volume = guest.config.contains(key) ? volume_of(guest.config.at(key)) : "";
    delete_option(call, guest, key);
    if (!call.flag("force") || volume.empty()) continue;
    std::erase_if(guest.config, [&](const auto& entry) {
      return is_unused(entry.first) && entry.second == volume;
    });
    call.world.free_volume(volume);
  }
  return nullptr;
}

json resize_disk(Call& call) {
  Guest& guest = call.guest();
  const auto key = call.text("disk");
  call.require_digest(guest);
  call.require_unlocked(guest);
  if (!guest.config.contains(key)) {
    if (call.kind == GuestKind::qemu) refuse("disk '" + key + "' does not exist");
    const std::string why = "property is missing and it is not optional";
    throw Refusal{500, "format error\n", {{"mp", why}, {"volume", why}}};
  }
  const auto id = volume_of(guest.config.at(key));
  Volume* volume = call.world.find_volume(id);
  if (volume == nullptr) refuse("volume '" + id + "' does not exist");
  call.require("/storage/" + volume->storage, "Datastore.AllocateSpace");
  const auto text = call.text("size");
  const bool is_more = text.starts_with("+");
  const auto size = (is_more ? volume->size : 0) + parse_size(is_more ? text.substr(1) : text);
  if (size < volume->size) refuse("unable to shrink disk size");
  if (size == volume->size && call.kind == GuestKind::lxc)
    refuse("disk is already at specified size");
  return call.fork("resize", {.finish = [call, key, id, size](Task& task) mutable {
                     Guest& grown = call.guest();
                     Volume* disk = call.world.find_volume(id);
                     if (disk == nullptr) refuse("volume '" + id + "' does not exist");
                     auto parts =
                         parts_of(call.world.version, call.kind, key, grown.config.at(key));
                     disk->size = size;
                     parts["size"] = print_size(size);
                     grown.config[key] = joined(call.world.version, call.kind, key, parts);
                     task.say("Image resized.");
                   }});
}

}  // namespace holdfast::standin
