// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_options.hpp"
#include "tests/proxmox/restore.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

bool is_restore(const Call& call) {
  return call.kind == GuestKind::lxc ? call.flag("restore") : call.has("archive");
}

std::string source_of(const Call& call) {
  return call.text(call.kind == GuestKind::lxc ? "ostemplate" : "archive");
}

// A container is judged by what the request says of itself, not by its backup.
void require_rights(const Call& call, bool is_over) {
  if (!call.may(call.vms_path(), "VM.Allocate") &&
      !(is_over && call.may(call.vms_path(), "VM.Backup")))
    throw Refusal{403, "Permission check failed\n", {}};
  const bool is_unprivileged = call.flag("unprivileged");
  if (call.kind == GuestKind::lxc && call.world.version == Version::v9_1 && !is_unprivileged &&
      !is_restore(call))
    call.require("/", "Sys.Modify");
  const bool names_disks = call.has("rootfs") || call.has("scsi0") || call.has("virtio0");
  const auto storage = call.text("storage", names_disks ? "" : "local");
  if (!storage.empty() && (call.kind == GuestKind::lxc || is_restore(call)))
    require_space(call, storage);
  for (const auto& [key, value] : guest_options(call)) {
    if (key == "unprivileged") continue;
    require_option_right(call, key, value, is_unprivileged);
    if (is_disk(call.kind, key) && is_new_disk(value))
      require_space(call, volume_of(value).substr(0, volume_of(value).find(':')));
  }
  if (!is_restore(call)) return;
  const Volume* archive = call.world.find_volume(source_of(call));
  if (archive != nullptr && archive->vmid != 0 &&
      !call.may("/storage/" + archive->storage, "Datastore.Allocate"))
    call.require("/vms/" + std::to_string(archive->vmid), "VM.Backup");
}

void refuse_taken(const Call& call, bool is_over) {
  const Guest* taken = call.world.find_guest(call.vmid());
  if (taken == nullptr) return;
  const bool may_replace = is_over && taken->kind == call.kind;
  if (!may_replace) refuse(call.title() + " already exists on node '" + call.world.node + "'");
  call.require_unlocked(*taken);
  if (taken->config.contains("protection") && taken->config.at("protection") == "1")
    refuse("unable to restore " + call.title() + " - protection mode enabled");
  if (call.kind == GuestKind::lxc && taken->power != PowerState::stopped)
    refuse("unable to restore " + call.title() + " - container is running");
}

void build_container(Call& call, Guest& guest) {
  const auto storage = call.text("storage", "local");
  Config disks{{"rootfs", storage + ":4"}};
  Config config{{"arch", "amd64"},
                {"hostname", "CT" + call.text("vmid")},
                {"memory", "512"},
                {"ostype", "debian"},
                {"swap", "512"}};
  for (const auto& [key, value] : guest_options(call)) {
    if (is_disk(GuestKind::lxc, key))
      disks[key] = value;
    else
      config[key] = is_nic(key) ? complete_nic(call.world, GuestKind::lxc, key, value) : value;
  }
  if (config.contains("unprivileged") && config["unprivileged"] == "0")
    config.erase("unprivileged");
  make_disks(call, guest.vmid, disks);
  const Volume* image = call.world.find_volume(source_of(call));
  if (image == nullptr) {
    for (const auto& [key, value] : disks) call.world.free_volume(volume_of(value));
    refuse("volume '" + source_of(call) + "' does not exist");
  }
  call.world.find_volume(volume_of(disks.at("rootfs")))->content = image->content;
  config.merge(disks);
  guest.config = std::move(config);
}

void build_machine(Call& call, Task& task, Guest& guest) {
  Config config{{"meta", "creation-qemu=10.0.2,ctime=" + std::to_string(call.world.now)},
                {"smbios1", "uuid=" + call.world.new_uuid()},
                {"vmgenid", call.world.new_uuid()}};
  std::string first_disk;
  for (const auto& [key, value] : guest_options(call)) {
    config[key] = is_nic(key) ? complete_nic(call.world, GuestKind::qemu, key, value) : value;
    if (!is_disk(GuestKind::qemu, key)) continue;
    config[key] = make_disk(call, guest.vmid, key, value);
    task.say(key + ": successfully created disk '" + config[key] + "'");
    if (first_disk.empty() && config[key].find("media=cdrom") == std::string::npos)
      first_disk = key;
  }
  if (!config.contains("boot") && !first_disk.empty()) config["boot"] = "order=" + first_disk;
  guest.config = std::move(config);
}

void build(Call& call, Task& task) {
  Guest& guest = call.guest();
  if (!is_restore(call)) {
    if (call.kind == GuestKind::lxc) return build_container(call, guest);
    return build_machine(call, task, guest);
  }
  const Volume* source = call.world.find_volume(source_of(call));
  if (source == nullptr) refuse("volume '" + source_of(call) + "' does not exist");
  if (!source->archive || source->archive->kind != call.kind)
    refuse("'" + source->id + "' is not a backup of such a guest");
  const Volume archive = *source;
  if (call.kind == GuestKind::lxc) return restore_container(call, task, guest, archive);
  restore_machine(call, task, guest, archive);
}

// Nothing of a new guest stays; of an old one what was not yet replaced.
void give_up(Call& call, bool is_over) {
  Guest* guest = call.find_guest();
  if (guest == nullptr) return;
  if (is_over)
    guest->config.erase("lock");
  else
    call.world.erase_guest(call.vmid());
}

void finish(Call& call, Task& task, bool is_over) {
  try {
    build(call, task);
  } catch (const Refusal& refusal) {
    const std::string what = is_restore(call) ? "unable to restore " : "unable to create ";
    give_up(call, is_over);
    refuse(what + call.title() + " - " + refusal.message.substr(0, refusal.message.find('\n')));
  }
  Guest& guest = call.guest();
  guest.config.erase("lock");
  if (!call.flag("start")) return;
  guest.power = PowerState::running;  // by a task of its own, that nobody is told of
  guest.started = call.world.now;
  guest.pid = call.world.new_pid();
}

}  // namespace

json create_guest(Call& call) {
  const bool is_over = is_restore(call) && call.flag("force");
  if (call.has("archive"))
    for (const auto& [key, value] : call.options({}))
      if (is_disk(GuestKind::qemu, key))
        refuse_parameter(key, "option conflicts with option 'archive'");
  if (call.has("pool") && !call.world.pools.contains(call.text("pool")))
    refuse("pool '" + call.text("pool") + "' does not exist");
  require_rights(call, is_over);
  if (call.kind == GuestKind::qemu && is_restore(call) &&
      call.world.find_volume(source_of(call)) == nullptr)
    refuse("volume '" + source_of(call) + "' does not exist");
  refuse_taken(call, is_over);
  const bool is_new = call.world.find_guest(call.vmid()) == nullptr;
  if (is_new) {
    // The number is taken from now on.
    Guest& placeholder = call.world.add_guest(call.kind, call.vmid(), {}, "");
    placeholder.config.clear();
    placeholder.told.reset();
    placeholder.pool = call.text("pool");
  }
  call.guest().config["lock"] = "create";
  const std::string type = prefix_of(call.kind) + (is_restore(call) ? "restore" : "create");
  return call.fork(type,
                   {.finish = [call, is_new](Task& task) mutable { finish(call, task, !is_new); },
                    .abandon = [call, is_new](Task&) mutable { give_up(call, !is_new); }});
}

json destroy_guest(Call& call) {
  Guest& guest = call.guest();
  call.require_unlocked(guest);
  if (guest.config.contains("protection") && guest.config.at("protection") == "1")
    refuse("can't remove " + call.title() + " - protection mode enabled");
  const bool may_run = call.kind == GuestKind::lxc && call.flag("force");
  if (guest.power != PowerState::stopped && !may_run)
    refuse(call.kind == GuestKind::lxc
               ? "unable to destroy " + call.title() + ": container is running"
               : call.title() + " is running - destroy failed");
  return call.fork(prefix_of(call.kind) + "destroy", {.finish = [call](Task& task) mutable {
                     Guest& gone = call.guest();
                     call.require_unlocked(gone);
                     if (call.flag("purge"))
                       task.say("purging " + call.title() + " from related configurations..");
                     Config kept = gone.config;
                     const bool takes_all = call.flag("destroy-unreferenced-disks");
                     for (auto* volume : call.world.volumes_of(call.vmid())) {
                       if (volume->kind == "backup") continue;
                       bool is_referenced = takes_all;
                       for (const auto& [key, value] : kept)
                         is_referenced |= volume_of(value) == volume->id;
                       if (is_referenced) call.world.free_volume(volume->id);
                     }
                     call.world.guests.erase(call.vmid());
                   }});
}

}  // namespace holdfast::standin
