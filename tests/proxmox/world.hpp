// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/proxmox/access.hpp"
#include "tests/proxmox/api_table.hpp"

// What the stand-in's host has: plain state that a test sets up and looks at.
namespace holdfast::standin {

enum class GuestKind { lxc, qemu };
std::string_view to_string(GuestKind kind);  // "lxc"

enum class PowerState { stopped, running, paused };

// Options as the configuration file has them, "net0" -> "name=eth0,...".
using Config = std::map<std::string, std::string>;

struct Snapshot {
  Config config{};
  std::int64_t time = 0;  // Unix seconds
  std::string description{};
  std::string parent{};
  bool has_ram = false;
  std::map<std::string, std::string> contents{};  // volume id -> what it held
};

struct Guest {
  GuestKind kind = GuestKind::lxc;
  int vmid = 0;
  // Which guest this is: another number means a stranger under the same VMID.
  std::uint64_t birth = 0;
  Config config{};
  Config pending{};  // of a running guest, for its next start
  std::set<std::string> pending_delete{};
  std::vector<std::string> raw_lxc{};  // "lxc.cap.drop: sys_module"
  std::map<std::string, Snapshot> snapshots{};
  std::string parent{};  // the snapshot that the present comes from
  PowerState power = PowerState::stopped;
  std::int64_t started = 0;  // Unix seconds
  int pid = 0;
  std::string pool{};
  bool is_deaf = false;    // does not heed a shutdown
  bool has_agent = false;  // a QEMU guest agent answers
  // What the cluster was last told of it; empty: nothing yet ("unknown").
  std::optional<PowerState> told{};
};

// What a vzdump archive holds.
struct Archive {
  GuestKind kind = GuestKind::lxc;
  int vmid = 0;
  Config config{};
  std::vector<std::string> raw_lxc{};
  std::map<std::string, std::string> contents{};  // "rootfs", "mp1", "scsi0" -> content
  bool has_agent = false;                         // of a VM: its QEMU guest agent answers
};

struct Volume {
  std::string id{};  // "local:100/vm-100-disk-0.raw"
  std::string storage{};
  std::string kind{};        // images, rootdir, backup, iso, vztmpl
  std::string format{};      // raw, qcow2, subvol, tar.zst, ...
  int vmid = 0;              // 0: nobody's
  std::uint64_t size = 0;    // bytes
  std::int64_t created = 0;  // Unix seconds
  // What is on it, so that a test can see data survive, move or vanish. New ones are empty.
  std::string content{};
  std::string notes{};
  bool is_protected = false;
  std::optional<Archive> archive{};  // of a backup
};

struct Storage {
  std::string name{};
  std::string type = "dir";  // dir, btrfs, lvmthin, zfspool
  std::set<std::string> content{"backup", "images", "iso", "rootdir", "snippets", "vztmpl"};
  std::string path = "/var/lib/vz";
  std::uint64_t total = 100ull << 30;  // bytes
  bool is_active = true;
  // Whether it can take snapshots of raw volumes (lvmthin, zfs, btrfs).
  bool has_snapshots() const { return type != "dir"; }
};

class World {
 public:
  explicit World(Version version, std::string node);

  const Version version;
  const std::string node;
  std::map<int, Guest> guests{};
  std::map<std::string, Storage> storages{};
  std::map<std::string, Volume> volumes{};  // by id
  std::set<std::string> bridges{"vmbr0"};
  std::set<std::string> pools{};
  Access access{};
  std::int64_t now = 0;  // Unix seconds; kept by the stand-in

  // Setting up. Storages "local" (dir, everything) and "fast" (btrfs, images and rootdir)
  // exist from the start.
  Storage& add_storage(Storage storage);
  // A guest as an administrator makes it by hand: `config` as in its file, values such as
  // rootfs = "local:1" make a volume of 1 GiB that holds `content`.
  Guest& add_guest(GuestKind kind, int vmid, Config config, const std::string& content);
  // A container template, "local:vztmpl/NAME".
  std::string add_template(const std::string& storage, const std::string& name,
                           const std::string& content);
  // A backup that came from elsewhere, such as a golden image. Returns its volume id.
  std::string add_archive(const std::string& storage, const Archive& archive,
                          const std::string& notes = {});
  // The guest under this VMID goes, with its volumes, and another, unrelated one takes its
  // number: what a reused VMID looks like.
  Guest& replace_by_stranger(int vmid, GuestKind kind);

  // Looking.
  Guest* find_guest(int vmid);
  Volume* find_volume(const std::string& id);
  // What is on the disk `key` ("rootfs", "mp0", "scsi0") of a guest. Empty: no such disk.
  std::optional<std::string> content_of(int vmid, const std::string& key);
  void write_content(int vmid, const std::string& key, const std::string& content);
  std::vector<Volume*> volumes_of(int vmid, const std::string& kind = {});

  // Free numbers and names, the same in every run.
  int free_vmid() const;
  std::string new_mac();
  std::string new_uuid();
  int new_pid() { return ++last_pid_; }
  // A new, empty volume of a guest.
  Volume& allocate(const std::string& storage, int vmid, GuestKind kind, const std::string& format,
                   std::uint64_t size);
  void free_volume(const std::string& id) { volumes.erase(id); }
  // The guest, its volumes, and nothing else (backups stay).
  void erase_guest(int vmid);

 private:
  std::uint64_t births_ = 0;
  std::uint64_t names_ = 0;
  int last_pid_ = 4000;
};

}  // namespace holdfast::standin
