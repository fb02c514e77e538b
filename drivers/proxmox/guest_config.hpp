// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/marker_text.hpp"
#include "drivers/proxmox/options.hpp"
#include "host/observed.hpp"

// A guest's configuration at Proxmox, and what it says in our words. Pure.
namespace holdfast::proxmox {

enum class Kind { lxc, qemu };
std::string_view to_string(Kind kind);  // as it stands in paths: "lxc", "qemu"

// Where a guest is: a handle that another guest may have a moment later.
struct Place {
  Kind kind = Kind::lxc;
  int vmid = 0;
  auto operator<=>(const Place&) const = default;
};

// One configuration, keys to values as text.
struct Config {
  Place place{};
  std::map<std::string, std::string> values{};
  std::string digest{};
  std::string lock{};

  std::string get(const std::string& key) const;
};

// From GET config, or the current or pending column of GET pending.
Config read_config(const Place& place, const Json& data);
Config read_pending(const Place& place, const Json& data, bool is_future);

// From the text of a saved configuration, without its snapshots.
Config read_saved(const Place& place, const std::string& text);

// The marker, as far as it is this guest's own. Nothing: none, or another guest's.
Result<std::optional<MarkerText>> own_marker(const Config& config);

// Which volume of the configuration is which disk: "rootfs" and "mp0", "scsi0", ...
struct Volume {
  std::string key{};
  std::string storage{};
  std::string id{};  // "local:300/vm-300-disk-0.raw"
  host::Disk disk{};
};
std::vector<Volume> volumes_of(const Config& config, const Options& options, const Uuid& uuid);

host::Shape shape_of(const Config& config, const Options& options, const Uuid& uuid);
std::string name_of(const Config& config);

// Where the volume `name` is mounted in a container.
std::string mount_path(const std::string& name);
// The address of a disk that has none of its own on this host: "proxmox:TARGET/UUID/NAME".
std::string disk_path(const std::string& target, const Uuid& uuid, const std::string& name);
struct DiskPath {
  std::string target{};
  Uuid uuid{};
  std::string name{};
  std::string volume{};  // of one that is out of use: its id at Proxmox
};
// Where the volume is found once it is out of use: by its id, since its name may be used anew.
std::string aside_path(const Volume& volume, const Uuid& uuid);
// Errc::invalid when it is none.
Result<DiskPath> parse_disk_path(const std::string& path);

// The parameters that make `config` what `wanted` says, nothing of it being about disks; empty:
// it is that already. `kept` keys go under "delete". Errc::invalid: Proxmox has no such thing.
Result<Form> changes_for(const Config& config, const host::Shape& wanted, const std::string& name);
// "name=eth0,bridge=vmbr0,..." or "virtio=...,bridge=vmbr0". Errc::invalid as above.
Result<std::string> nic_text(Kind kind, const host::Nic& nic, unsigned index);

// A UUID for a guest that has none of ours, the same each time.
Uuid foreign_uuid(const std::string& node, const Place& place);

}  // namespace holdfast::proxmox
