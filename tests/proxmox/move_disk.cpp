// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_options.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

std::string disk_of(const Call& call) {
  return call.text(call.kind == GuestKind::lxc ? "volume" : "disk");
}

std::string target_of(const Call& call) {
  return call.text(call.kind == GuestKind::lxc ? "target-volume" : "target-disk", disk_of(call));
}

std::string taken_disk(const Call& call, const Guest& guest) {
  const auto key = disk_of(call);
  const auto found = guest.config.find(key);
  if (found == guest.config.end()) refuse("disk '" + key + "' does not exist");
  return volume_of(found->second);
}

// The volume's name says whose it is: another guest's is another name.
std::string renamed(Call& call, const std::string& id, int vmid) {
  const Volume old = *call.world.find_volume(id);
  Volume& made = call.world.allocate(old.storage, vmid, call.kind, old.format, old.size);
  made.content = old.content;
  made.created = old.created;
  const auto fresh = made.id;
  call.world.free_volume(id);
  return fresh;
}

void give_away(Call& call) {
  Guest& from = call.guest();
  const auto key = disk_of(call);
  const auto volume = taken_disk(call, from);
  const int to_vmid = static_cast<int>(call.number("target-vmid"));
  Guest* to = call.world.find_guest(to_vmid);
  if (to == nullptr || to->kind != from.kind) refuse("target guest does not exist");
  call.require_unlocked(from);
  call.require_unlocked(*to);
  const auto target = target_of(call);
  if (to->config.contains(target)) refuse("target key '" + target + "' is already in use");
  const std::string value = from.config.at(key);
  const auto fresh = renamed(call, volume, to_vmid);
  from.config.erase(key);
  to->config[target] = is_unused(target) ? fresh : fresh + value.substr(volume.size());
}

json move_to_guest(Call& call) {
  Guest& from = call.guest();
  const auto target_vmid = call.text("target-vmid");
  call.require("/vms/" + target_vmid, "VM.Config.Disk");
  Guest* to = call.world.find_guest(std::stoi(target_vmid));
  if (to == nullptr)
    refuse("Configuration file 'nodes/" + call.world.node + "/" +
           (call.kind == GuestKind::lxc ? "lxc/" : "qemu-server/") + target_vmid +
           ".conf' does not exist");
  if (call.has("target-digest") && call.text("target-digest") != digest_of(*to))
    refuse("target: detected modified configuration - file changed by other user? Try again.");
  if (from.power != PowerState::stopped && !is_unused(disk_of(call)))
    refuse("cannot move a disk of a running guest to another");
  taken_disk(call, from);
  return call.fork("move_volume", {.finish = [call](Task&) mutable { give_away(call); }});
}

void move_volume(Call& call, Task& task) {
  Guest& guest = call.guest();
  guest.config.erase("lock");
  const auto key = disk_of(call);
  const auto id = taken_disk(call, guest);
  const Volume old = *call.world.find_volume(id);
  Volume& made = call.world.allocate(call.text("storage"), guest.vmid, guest.kind,
                                     call.text("format", old.format), old.size);
  made.content = old.content;
  task.say("new volume ID is '" + made.id + "'");
  guest.config[key] = made.id + guest.config.at(key).substr(id.size());
  if (call.flag("delete"))
    call.world.free_volume(id);
  else
    set_aside(guest.config, id);
}

}  // namespace

json move_disk(Call& call) {
  Guest& guest = call.guest();
  call.require_digest(guest);
  call.require_unlocked(guest);
  if (call.has("target-vmid")) return move_to_guest(call);
  if (!call.has("storage"))
    refuse_parameter("storage", "either 'storage' or 'target-vmid' must be set");
  require_space(call, call.text("storage"));
  const auto id = taken_disk(call, guest);
  if (call.world.find_volume(id) == nullptr) refuse("volume '" + id + "' does not exist");
  if (id.starts_with(call.text("storage") + ":"))
    refuse("you can't move to the same storage with same format");
  if (call.kind == GuestKind::lxc && guest.power != PowerState::stopped)
    refuse("cannot move volumes of a running container");
  guest.config["lock"] = "disk";
  return call.fork(call.kind == GuestKind::lxc ? "move_volume" : "qmmove",
                   {.finish = [call](Task& task) mutable { move_volume(call, task); },
                    .abandon = [call](Task&) mutable { call.guest().config.erase("lock"); }});
}

}  // namespace holdfast::standin
