// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/ports.hpp"

namespace holdfast::proxmox {
namespace {

Error no_file() {
  return {Errc::invalid,
          "the disks of a guest of Proxmox are inside of it, not files of this host"};
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

Result<void> Disks::restore(const ImageRef&, const std::string&, const std::string&,
                            const host::Transfer&) {
  return no_file();
}
Result<void> Disks::create_blank(const std::string&, Bytes) { return no_file(); }
Result<void> Disks::write_seed(const std::string&, const host::Seed&) { return no_file(); }
Result<void> Disks::remove(gate::Permit, const std::string&) { return no_file(); }
Result<void> Disks::copy(const host::CopySource&, const std::string&, Bytes,
                         const host::Transfer&) {
  return no_file();
}

}  // namespace holdfast::proxmox
