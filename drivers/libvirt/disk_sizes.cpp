// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/disk_sizes.hpp"

#include <sys/stat.h>

#include "drivers/libvirt/domains.hpp"
#include "drivers/libvirt/errors.hpp"

namespace holdfast::libvirt {

std::optional<Bytes> file_size(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  return Bytes{static_cast<std::uint64_t>(facts.st_size)};
}

Result<Bytes> read_disk_size(Core& core, const Connection& connection, virDomain* domain,
                             const std::string& device, const host::Disk& disk) {
  if (!connection.platform.is_qemu()) {  // the test driver makes sizes up
    const auto size = file_size(disk.path);
    if (!size) return Error{Errc::unavailable, "there is no file " + disk.path};
    return *size;
  }
  core.calls->add(Call::get_block_info);
  virDomainBlockInfo info{};
  if (virDomainGetBlockInfo(domain, device.c_str(), &info, 0) != 0) {
    return last_error("virDomainGetBlockInfo");
  }
  return Bytes{info.capacity};
}

Result<std::vector<DiskSize>> ask_disk_sizes(Core& core, const Uuid& uuid,
                                             const ParsedDomain& parsed) {
  using Sizes = std::vector<DiskSize>;
  if (parsed.shape.disks.empty()) return Sizes{};
  const auto ask = [uuid, devices = parsed.devices, disks = parsed.shape.disks](
                       Core& working, const Connection& connection) -> Result<Sizes> {
    const DomainHandle domain = TRY(find_domain(working, connection, uuid));
    Sizes sizes;
    for (std::size_t i = 0; i < disks.size(); ++i) {
      auto seen = read_disk_size(working, connection, domain.get(), devices[i], disks[i]);
      if (!seen && virConnectIsAlive(connection.handle.get()) != 1) return std::move(seen).error();
      const auto file = disks[i].format == "raw" ? file_size(disks[i].path) : std::nullopt;
      sizes.push_back({.seen = std::move(seen), .file = file});
    }
    return sizes;
  };
  return core.ask(uuid, core.options.ask_deadline, ask);
}

}  // namespace holdfast::libvirt
