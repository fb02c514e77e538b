// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/guest_options.hpp"

#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

std::string lxc_privilege(const std::string& key) {
  if (matches("cores|cpuunits|cpulimit", key)) return "VM.Config.CPU";
  if (matches("memory|swap", key)) return "VM.Config.Memory";
  if (matches("net\\d+|nameserver|searchdomain|hostname", key)) return "VM.Config.Network";
  if (is_disk(GuestKind::lxc, key) || is_unused(key)) return "VM.Config.Disk";
  return "VM.Config.Options";
}

std::string qemu_privilege(const std::string& key, const std::string& value) {
  if (is_disk(GuestKind::qemu, key))
    return value.find("media=cdrom") != std::string::npos ? "VM.Config.CDROM" : "VM.Config.Disk";
  if (is_unused(key)) return "VM.Config.Disk";
  if (matches("cores|sockets|cpu|cpulimit|cpuunits|numa\\d*|vcpus", key)) return "VM.Config.CPU";
  if (matches("memory|balloon|shares", key)) return "VM.Config.Memory";
  if (matches("net\\d+|nameserver|searchdomain|ipconfig\\d+", key)) return "VM.Config.Network";
  if (matches("cicustom|cipassword|citype|ciuser|ciupgrade|sshkeys", key))
    return "VM.Config.Cloudinit";
  if (matches("acpi|audio0|bios|hotplug|kvm|machine|scsihw|serial\\d|smbios1|tablet|vga|vmgenid|"
              "watchdog|rng0",
              key))
    return "VM.Config.HWType";
  return "VM.Config.Options";
}

// No token is root@pam.
void refuse_lxc_root_only(const Call& call, const std::string& key, const std::string& value,
                          bool is_unprivileged) {
  if (is_disk(GuestKind::lxc, key)) {
    const auto type = mount_type(volume_of(value));
    if (type != "volume")
      refuse_permission("mount point type " + type + " is only allowed for root@pam");
  }
  if (matches("dev\\d+", key))
    refuse_permission("configuring device passthrough is only allowed for root@pam");
  if (key == "hookscript")
    refuse_permission("changing the hookscript is only allowed for root@pam");
  if (key != "features") return;
  if (!is_unprivileged)
    refuse_permission(
        "changing feature flags for privileged container is only allowed for "
        "root@pam");
  for (const auto& [name, set] : parts_of(call.world.version, GuestKind::lxc, key, value))
    if (name != "nesting")
      refuse_permission("changing feature flags (except nesting) is only allowed for root@pam");
  call.require(call.vms_path(), "VM.Allocate");
}

void refuse_qemu_root_only(const Call& call, const std::string& key, const std::string& value) {
  if (matches("args|lock|hookscript|affinity|arch|parallel\\d+", key))
    refuse("only root can set '" + key + "' config");
  const bool is_mapped = value.find("mapping=") != std::string::npos;
  if (matches("hostpci\\d+|usb\\d+", key) && !is_mapped && value != "spice")
    refuse("only root can set '" + key + "' config for non-mapped devices");
  if (matches("serial\\d+", key) && value != "socket")
    refuse("only root can set '" + key + "' config for real devices");
  if (key == "startup") call.require("/", "Sys.Modify");
}

}  // namespace

void require_bridge_right(const Call& call, const std::string& key, const std::string& value) {
  const auto parts = parts_of(call.world.version, call.kind, key, value);
  if (const auto bridge = parts.find("bridge"); bridge != parts.end())
    call.require("/sdn/zones/localnetwork/" + bridge->second, "SDN.Use");
}

void require_option_right(const Call& call, const std::string& key, const std::string& value,
                          bool is_unprivileged) {
  if (call.kind == GuestKind::lxc) {
    refuse_lxc_root_only(call, key, value, is_unprivileged);
    call.require(call.vms_path(), lxc_privilege(key));
  } else {
    refuse_qemu_root_only(call, key, value);
    call.require(call.vms_path(), qemu_privilege(key, value));
  }
  if (is_nic(key)) require_bridge_right(call, key, value);
}

void require_delete_right(const Call& call, const std::string& key) {
  if (call.kind == GuestKind::qemu && matches("args|hookscript|affinity|arch|parallel\\d+", key))
    refuse("only root can set '" + key + "' config");
  call.require(call.vms_path(),
               call.kind == GuestKind::lxc ? lxc_privilege(key) : qemu_privilege(key, ""));
}

bool is_new_disk(const std::string& value) {
  return matches("[A-Za-z][\\w.\\-]*:(?:\\d+(?:\\.\\d+)?|cloudinit)", volume_of(value));
}

void require_space(const Call& call, const std::string& storage) {
  call.require("/storage/" + storage, "Datastore.AllocateSpace");
  const bool is_lxc = call.kind == GuestKind::lxc;
  if (!call.storage(storage).content.contains(is_lxc ? "rootdir" : "images"))
    refuse("storage '" + storage + "' does not support " +
           (is_lxc ? "container directories" : "vm images"));
}

std::string make_disk(Call& call, int vmid, const std::string& key, const std::string& value) {
  const bool is_lxc = call.kind == GuestKind::lxc;
  const std::string main_part = is_lxc ? "volume" : "file";
  auto parts = parts_of(call.world.version, call.kind, key, value);
  const std::string volume = volume_of(value);
  if (!is_new_disk(value)) {
    if (volume == "none" || volume.starts_with("/")) return value;
    const Volume* found = call.world.find_volume(volume);
    if (found == nullptr) refuse("volume '" + volume + "' does not exist");
    if (found->vmid != vmid && found->vmid != 0)
      call.require("/vms/" + std::to_string(found->vmid), "VM.Config.Disk");
    if (found->kind != "iso") parts["size"] = print_size(found->size);
    return joined(call.world.version, call.kind, key, parts);
  }
  const auto colon = volume.find(':');
  const std::string storage = volume.substr(0, colon);
  const std::string size = volume.substr(colon + 1);
  require_space(call, storage);
  const bool is_seed = size == "cloudinit";
  const auto bytes = is_seed ? 4ull << 20 : parse_size(size + "G");
  // A container's disk of no size is a plain directory.
  const std::string format = !is_lxc      ? (parts.contains("format")              ? parts["format"]
                                             : call.storage(storage).type == "dir" ? "qcow2"
                                                                                   : "raw")
                             : bytes == 0 ? "subvol"
                                          : "raw";
  Volume& made = call.world.allocate(storage, vmid, call.kind, format, bytes);
  parts.erase("format");
  if (is_seed) {
    // Named for what it is, and known by that.
    Volume seed = made;
    call.world.free_volume(made.id);
    seed.id = storage + ":" + std::to_string(vmid) + "/vm-" + std::to_string(vmid) + "-cloudinit." +
              format;
    call.world.volumes[seed.id] = seed;
    return seed.id + ",media=cdrom";
  }
  parts[main_part] = made.id;
  parts["size"] = print_size(bytes);
  return joined(call.world.version, call.kind, key, parts);
}

void make_disks(Call& call, int vmid, Config& disks) {
  for (const bool is_root : {true, false})
    for (auto& [key, value] : disks)
      if ((key == "rootfs") == is_root) value = make_disk(call, vmid, key, value);
}

std::string complete_nic(World& world, GuestKind kind, const std::string& key,
                         const std::string& value) {
  auto parts = parts_of(world.version, kind, key, value);
  const std::string mac = kind == GuestKind::lxc ? "hwaddr" : "macaddr";
  if (!parts.contains(mac)) parts[mac] = world.new_mac();
  if (kind == GuestKind::lxc && !parts.contains("type")) parts["type"] = "veth";
  return joined(world.version, kind, key, parts);
}

void set_aside(Config& config, const std::string& volume) {
  int number = 0;
  while (config.contains("unused" + std::to_string(number))) ++number;
  config["unused" + std::to_string(number)] = volume;
}

}  // namespace holdfast::standin
