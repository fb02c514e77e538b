// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/world.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <stdexcept>

#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

std::string formatted(const char* format, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::array<char, 64> text{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the format is one of ours
  std::snprintf(text.data(), text.size(), format, a, b, c);
  return text.data();
}

std::string stamp_of(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y_%m_%d-%H_%M_%S", &parts);
  return text.data();
}

}  // namespace

std::string_view to_string(GuestKind kind) { return kind == GuestKind::lxc ? "lxc" : "qemu"; }

World::World(Version the_version, std::string the_node)
    : version{the_version}, node{std::move(the_node)} {
  add_storage({.name = "local"});
  add_storage({.name = "fast",
               .type = "btrfs",
               .content = {"images", "rootdir"},
               .path = "/mnt/btrfs",
               .total = 8ull << 30});
}

Storage& World::add_storage(Storage storage) {
  const std::string name = storage.name;
  return storages[name] = std::move(storage);
}

Volume& World::allocate(const std::string& storage, int vmid, GuestKind kind,
                        const std::string& format, std::uint64_t size) {
  const auto found = storages.find(storage);
  if (found == storages.end()) throw std::runtime_error{"no storage " + storage};
  const bool has_files = found->second.type == "dir" || found->second.type == "btrfs";
  const std::string number = std::to_string(vmid);
  const std::string stem = format == "subvol" ? "subvol-" : "vm-";
  // One number for one disk, whatever its format.
  for (int disk = 0;; ++disk) {
    const std::string tail = number + "-disk-" + std::to_string(disk);
    const std::string front = storage + ":" + (has_files ? number + "/" : "");
    const bool is_taken = std::any_of(volumes.begin(), volumes.end(), [&](const auto& entry) {
      return entry.first.starts_with(front + "vm-" + tail + ".") ||
             entry.first.starts_with(front + "subvol-" + tail + ".") ||
             entry.first == front + "vm-" + tail || entry.first == front + "subvol-" + tail;
    });
    if (is_taken) continue;
    const std::string id = front + stem + tail + (has_files ? "." + format : "");
    Volume volume{.id = id,
                  .storage = storage,
                  .kind = kind == GuestKind::lxc ? "rootdir" : "images",
                  .format = format,
                  .vmid = vmid,
                  .size = size,
                  .created = now};
    return volumes[id] = std::move(volume);
  }
}

Guest& World::add_guest(GuestKind kind, int vmid, Config config, const std::string& content) {
  for (auto& [key, value] : config) {
    if (!is_disk(kind, key) || !matches("[^:]+:\\d+(?:\\.\\d+)?(?:,.*)?", value)) continue;
    const std::string volume = volume_of(value);
    const auto colon = volume.find(':');
    const std::string format = kind == GuestKind::lxc ? "raw" : "qcow2";
    auto& made = allocate(volume.substr(0, colon), vmid, kind, format,
                          parse_size(volume.substr(colon + 1) + "G"));
    made.content = content;
    value = made.id + value.substr(volume.size()) + ",size=" + print_size(made.size);
  }
  Guest guest{.kind = kind, .vmid = vmid, .birth = ++births_, .config = std::move(config)};
  if (kind == GuestKind::lxc)
    for (const auto& [key, value] : Config{{"arch", "amd64"},
                                           {"hostname", "CT" + std::to_string(vmid)},
                                           {"memory", "512"},
                                           {"swap", "512"}})
      guest.config.emplace(key, value);
  guest.told = PowerState::stopped;
  return guests[vmid] = std::move(guest);
}

std::string World::add_template(const std::string& storage, const std::string& name,
                                const std::string& content) {
  const std::string id = storage + ":vztmpl/" + name;
  volumes[id] = {.id = id,
                 .storage = storage,
                 .kind = "vztmpl",
                 .format = "tgz",
                 .size = 3 << 20,
                 .created = now,
                 .content = content};
  return id;
}

std::string World::add_archive(const std::string& storage, const Archive& archive,
                               const std::string& notes) {
  const std::string kind{to_string(archive.kind)};
  const std::string format = archive.kind == GuestKind::lxc ? "tar.zst" : "vma.zst";
  std::string id;
  // Two in one second would be one file.
  for (std::int64_t at = now; id.empty() || volumes.contains(id); ++at)
    id = storage + ":backup/vzdump-" + kind + "-" + std::to_string(archive.vmid) + "-" +
         stamp_of(at) + "." + format;
  volumes[id] = {.id = id,
                 .storage = storage,
                 .kind = "backup",
                 .format = format,
                 .vmid = archive.vmid,
                 .size = 1 << 20,
                 .created = now,
                 .notes = notes,
                 .archive = archive};
  return id;
}

Guest& World::replace_by_stranger(int vmid, GuestKind kind) {
  erase_guest(vmid);
  const std::string content = "a stranger's data";
  if (kind == GuestKind::lxc)
    return add_guest(kind, vmid, {{"hostname", "stranger"}, {"rootfs", "local:1"}}, content);
  return add_guest(kind, vmid, {{"name", "stranger"}, {"memory", "512"}, {"scsi0", "local:1"}},
                   content);
}

Guest* World::find_guest(int vmid) {
  const auto found = guests.find(vmid);
  return found == guests.end() ? nullptr : &found->second;
}

Volume* World::find_volume(const std::string& id) {
  const auto found = volumes.find(id);
  return found == volumes.end() ? nullptr : &found->second;
}

std::optional<std::string> World::content_of(int vmid, const std::string& key) {
  const Guest* guest = find_guest(vmid);
  if (guest == nullptr || !guest->config.contains(key)) return {};
  const Volume* volume = find_volume(volume_of(guest->config.at(key)));
  if (volume == nullptr) return {};
  return volume->content;
}

void World::write_content(int vmid, const std::string& key, const std::string& content) {
  Guest* guest = find_guest(vmid);
  if (guest == nullptr || !guest->config.contains(key)) throw std::runtime_error{"no such disk"};
  volumes.at(volume_of(guest->config.at(key))).content = content;
}

std::vector<Volume*> World::volumes_of(int vmid, const std::string& kind) {
  std::vector<Volume*> found;
  for (auto& [id, volume] : volumes)
    if (volume.vmid == vmid && (kind.empty() || volume.kind == kind)) found.push_back(&volume);
  return found;
}

int World::free_vmid() const {
  int vmid = 100;
  while (guests.contains(vmid)) ++vmid;
  return vmid;
}

std::string World::new_mac() {
  const auto number = ++names_ * 7919;
  return formatted("BC:24:11:%02lX:%02lX:%02lX", number >> 16 & 0xff, number >> 8 & 0xff,
                   number & 0xff);
}

std::string World::new_uuid() {
  const auto number = ++names_;
  return formatted("%08lx-0000-4000-8000-%06lx%06lx", number, births_, number);
}

void World::erase_guest(int vmid) {
  std::erase_if(volumes, [&](const auto& entry) {
    return entry.second.vmid == vmid &&
           (entry.second.kind == "rootdir" || entry.second.kind == "images");
  });
  guests.erase(vmid);
}

}  // namespace holdfast::standin
