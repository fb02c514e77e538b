// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/restore.hpp"

#include <algorithm>

#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_options.hpp"

namespace holdfast::standin {
namespace {

std::string mount_path(const Call& call, const std::string& key, const std::string& value) {
  if (key == "rootfs") return "/";
  return parts_of(call.world.version, GuestKind::lxc, key, value)["mp"];
}

// The volumes that a restore makes, as a request would ask for them.
Config wanted_disks(const Call& call, const Config& options, const Archive& archive) {
  Config disks;
  const auto is_named = [](const auto& entry) { return is_disk(GuestKind::lxc, entry.first); };
  if (std::any_of(options.begin(), options.end(), is_named)) {
    // Only what is listed is made.
    std::copy_if(options.begin(), options.end(), std::inserter(disks, disks.end()), is_named);
    if (!disks.contains("rootfs")) refuse("missing required property 'rootfs'");
    return disks;
  }
  const std::string storage = call.text("storage", "local");
  for (const auto& [key, value] : archive.config) {
    if (!is_disk(GuestKind::lxc, key)) continue;
    const auto type = mount_type(volume_of(value));
    if (type != "volume")
      refuse("restoring '" + key + "' to " + type + " mount is only possible for root");
    auto parts = parts_of(call.world.version, GuestKind::lxc, key, value);
    const double gib = static_cast<double>(parse_size(parts["size"])) / (1ull << 30);
    parts["volume"] = storage + ":" + std::to_string(gib);
    parts.erase("size");
    disks[key] = joined(call.world.version, GuestKind::lxc, key, parts);
  }
  return disks;
}

void require_bridges(const Call& call, const Config& config) {
  for (const auto& [key, value] : config) {
    if (!is_nic(key)) continue;
    try {
      require_bridge_right(call, key, value);
    } catch (const Refusal& refusal) {
      refuse(std::to_string(refusal.status) + " " +
             refusal.message.substr(0, refusal.message.find('\n')));
    }
  }
}

// Each archived volume's content goes where its path leads: into the volume mounted there, or
// into the one that is left, the root.
void unpack(Call& call, const Config& disks, const Archive& archive) {
  std::map<std::string, Volume*> by_path;
  for (const auto& [key, value] : disks)
    by_path[mount_path(call, key, value)] = call.world.find_volume(volume_of(value));
  Volume& root = *by_path.at("/");
  for (const auto& [key, content] : archive.contents) {
    const auto archived = archive.config.find(key);
    if (archived == archive.config.end()) continue;
    const auto path = mount_path(call, key, archived->second);
    const auto own = by_path.find(path);
    if (path == "/")
      root.content = content + root.content;
    else if (own != by_path.end())
      own->second->content = content;
    else
      root.content += "\n" + path + ": " + content;
  }
}

void renew_identity(Call& call, Config& config) {
  for (auto& [key, value] : config) {
    if (!is_nic(key)) continue;
    auto parts = parts_of(call.world.version, call.kind, key, value);
    parts[call.kind == GuestKind::lxc ? "hwaddr" : "macaddr"] = call.world.new_mac();
    value = joined(call.world.version, call.kind, key, parts);
  }
}

// Features are the backup's, unless the container becomes privileged by this.
void settle_privilege(const Call& call, Task& task, Config& config, const Archive& archive) {
  const auto was = archive.config.find("unprivileged");
  const bool was_unprivileged = was != archive.config.end() && was->second == "1";
  const bool is_unprivileged = call.flag("unprivileged", was_unprivileged);
  config.erase("unprivileged");
  if (is_unprivileged) config["unprivileged"] = "1";
  const bool needs_more = call.world.version == Version::v9_1 && !is_unprivileged;
  if (needs_more && !call.may("/", "Sys.Modify"))
    refuse("403 Permission check failed (/, Sys.Modify)");
  if (!was_unprivileged || is_unprivileged || !config.contains("features")) return;
  task.say("changing from unprivileged to privileged, skipping features");
  config.erase("features");
}

void free_all(Call& call, const Guest& guest) {
  // Set aside or not.
  for (const auto& [key, value] : guest.config)
    if (is_disk(guest.kind, key) || is_unused(key)) {
      const Volume* volume = call.world.find_volume(volume_of(value));
      if (volume != nullptr && volume->vmid == guest.vmid) call.world.free_volume(volume->id);
    }
}

}  // namespace

Config guest_options(const Call& call) {
  return call.options({"archive", "bwlimit", "force", "ha-managed", "ignore-unpack-errors",
                       "import-working-storage", "live-restore", "ostemplate", "password", "pool",
                       "restore", "skiplock", "ssh-public-keys", "start", "storage", "unique"});
}

void restore_container(Call& call, Task& task, Guest& guest, const Volume& source) {
  const Archive archive = *source.archive;
  task.say("recovering backed-up configuration from '" + source.id + "'");
  require_bridges(call, archive.config);
  const Config options = guest_options(call);
  Config disks = wanted_disks(call, options, archive);
  make_disks(call, guest.vmid, disks);
  const bool is_over = guest.config.size() > 1;
  if (is_over) free_all(call, guest);
  task.say("restoring '" + source.id + "' now..");
  unpack(call, disks, archive);
  task.say("merging backed-up and given configuration..");
  Config config;
  for (const auto& [key, value] : archive.config)
    if (!is_disk(GuestKind::lxc, key) && !is_unused(key) && key != "lock") config[key] = value;
  const bool is_unique = call.flag("unique");
  for (const auto& [key, value] : options) {
    if (is_disk(GuestKind::lxc, key) || key == "unprivileged") continue;
    // Asked for new addresses, the real one forgets about the request's interfaces.
    if (is_nic(key) && is_unique) continue;
    config[key] = is_nic(key) ? complete_nic(call.world, GuestKind::lxc, key, value) : value;
  }
  settle_privilege(call, task, config, archive);
  if (is_unique) renew_identity(call, config);
  config.merge(disks);
  if (!archive.raw_lxc.empty()) {
    task.warn("skipping custom lxc options, restore manually as root:");
    for (const auto& line : archive.raw_lxc) task.say(line);
  }
  guest.config = std::move(config);
  guest.raw_lxc.clear();
  guest.snapshots.clear();
  guest.parent.clear();
}

namespace {

// "#scsi1: local:801/...": a disk that the backup does not have.
std::string note_of(const std::string& description, const std::string& key,
                    const std::string& value) {
  return description + (description.empty() || description.ends_with('\n') ? "" : "\n") + key +
         ": " + value;
}

bool is_cdrom(const std::string& value) { return value.find("media=cdrom") != std::string::npos; }

// The disk `key` of the archive, made anew. Its old self goes.
std::string restore_disk(Call& call, const Guest& guest, const std::string& key,
                         const std::string& value) {
  auto parts = parts_of(call.world.version, GuestKind::qemu, key, value);
  const auto old = guest.config.find(key);
  if (old != guest.config.end()) call.world.free_volume(volume_of(old->second));
  const auto source = volume_of(value);
  const std::string storage = call.text("storage", source.substr(0, source.find(':')));
  if (is_cdrom(value)) {
    if (source.find("cloudinit") == std::string::npos) return value;
    return make_disk(call, guest.vmid, key, storage + ":cloudinit,media=cdrom");
  }
  const double gib = static_cast<double>(parse_size(parts["size"])) / (1ull << 30);
  parts["file"] = storage + ":" + std::to_string(gib);
  parts.erase("size");
  return make_disk(call, guest.vmid, key, joined(call.world.version, GuestKind::qemu, key, parts));
}

}  // namespace

void restore_machine(Call& call, Task& task, Guest& guest, const Volume& source) {
  const Archive archive = *source.archive;
  if (guest.power != PowerState::stopped) {
    task.say(
        "error before or during data restore, some or all disks were not completely "
        "restored. VM " +
        call.text("vmid") + " state is NOT cleaned up.");
    refuse("vm is running");
  }
  task.say("restore vma archive: " + source.id);
  require_bridges(call, archive.config);
  Config config;
  std::string description =
      archive.config.contains("description") ? archive.config.at("description") : "";
  for (const auto& [key, value] : archive.config) {
    if (is_unused(key) || key == "lock" || key == "description") continue;
    if (!is_disk(GuestKind::qemu, key)) {
      config[key] = value;
    } else if (is_cdrom(value) || archive.contents.contains(key)) {
      config[key] = restore_disk(call, guest, key, value);
      task.say("new volume ID is '" + volume_of(config[key]) + "'");
      Volume* volume = call.world.find_volume(volume_of(config[key]));
      if (volume != nullptr && archive.contents.contains(key))
        volume->content = archive.contents.at(key);
    } else {
      description = note_of(description, key, value);
    }
  }
  // What the backup does not cover survives beside it.
  for (const auto& [key, value] : guest.config) {
    if (!is_disk(GuestKind::qemu, key) && !is_unused(key)) continue;
    const Volume* volume = call.world.find_volume(volume_of(value));
    const auto again = config.find(key);
    if (again != config.end() && volume_of(again->second) == volume_of(value)) continue;
    if (volume != nullptr && volume->vmid == guest.vmid) set_aside(config, volume->id);
  }
  if (!description.empty()) config["description"] = description;
  for (const auto& [key, value] : guest_options(call))
    config[key] = is_nic(key) ? complete_nic(call.world, GuestKind::qemu, key, value) : value;
  config["vmgenid"] = call.world.new_uuid();
  if (call.flag("unique")) {
    renew_identity(call, config);
    config["smbios1"] = "uuid=" + call.world.new_uuid();
  }
  guest.has_agent = archive.has_agent;
  guest.config = std::move(config);
  guest.snapshots.clear();
  guest.parent.clear();
}

}  // namespace holdfast::standin
