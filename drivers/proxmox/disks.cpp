// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/property.hpp"

namespace holdfast::proxmox {
namespace {

Error no_file() {
  return {Errc::invalid,
          "the disks of a guest of Proxmox are inside of it, not files of this host"};
}

// Under which key the guest has the volume; empty: under none.
std::string key_of(const Config& config, const std::string& volume) {
  for (const auto& [key, value] : config.values)
    if (volume_id(value) == volume) return key;
  return {};
}

// How large it is, the configuration does not say.
Result<std::optional<host::DiskFacts>> find_aside(Node& node, const DiskPath& wanted) {
  const Ours guest = TRY(node.ours(wanted.uuid));
  if (key_of(guest.config, wanted.volume).empty()) return std::optional<host::DiskFacts>{};
  return std::optional<host::DiskFacts>{host::DiskFacts{}};
}

}  // namespace

Result<std::string> Disks::path_of(const std::string& target, const Uuid& uuid,
                                   const std::string& disk) const {
  if (node_.options().storages.count(target) == 0)
    return Error{Errc::invalid, "no storage of Proxmox stands for it"};
  return disk_path(target, uuid, disk);
}

Result<std::optional<host::DiskFacts>> Disks::find(const std::string& path) const {
  const DiskPath wanted = TRY(parse_disk_path(path));
  if (!wanted.volume.empty()) return find_aside(node_, wanted);
  const auto guest = TRY(node_.observe(wanted.uuid));
  if (!guest || !guest->marker) return std::optional<host::DiskFacts>{};
  for (const host::Disk& disk : guest->configured.disks)
    if (disk.path == path)
      return std::optional<host::DiskFacts>{host::DiskFacts{disk.size, disk.size}};
  return std::optional<host::DiskFacts>{};
}

Result<void> Disks::grow(const std::string& path, Bytes size) {
  const DiskPath wanted = TRY(parse_disk_path(path));
  return grow_volume(node_, wanted.uuid, wanted.name, size);
}

Result<void> Disks::remove(gate::Permit permit, const std::string& path) {
  const DiskPath wanted = TRY(parse_disk_path(path));
  if (wanted.volume.empty()) return no_file();
  TRY(permit.covers({gate::Verb::free_set_aside}, wanted.uuid));
  const auto turn = node_.storage_turn();
  const Ours guest = TRY(node_.ours(wanted.uuid));
  TRY(permit.covers(wanted.uuid, guest.text.marker.incarnation));
  const std::string key = key_of(guest.config, wanted.volume);
  if (key.empty()) return ok();
  if (!key.starts_with("unused"))
    return Error{Errc::invalid, "volume " + wanted.volume + " is in use again, as " + key};
  // Proxmox frees a volume that is out of use when its line goes; the digest says that it still is.
  return node_.change(guest.config, {{"delete", key}});
}

Result<void> Disks::restore(const ImageRef&, const std::string&, const std::string&,
                            const host::Transfer&) {
  return no_file();
}
Result<void> Disks::create_blank(const std::string&, Bytes) { return no_file(); }
Result<void> Disks::write_seed(const std::string&, const host::Seed&) { return no_file(); }
Result<void> Disks::copy(const host::CopySource&, const std::string&, Bytes,
                         const host::Transfer&) {
  return no_file();
}

}  // namespace holdfast::proxmox
