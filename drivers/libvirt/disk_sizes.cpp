// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/disk_sizes.hpp"

#include <sys/stat.h>

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

void fill_disk_sizes(Core& core, const Connection& connection, virDomain* domain,
                     ParsedDomain& parsed) {
  for (std::size_t i = 0; i < parsed.shape.disks.size(); ++i) {
    host::Disk& disk = parsed.shape.disks[i];
    const auto size = read_disk_size(core, connection, domain, parsed.devices[i], disk);
    if (size) {
      disk.size = *size;
      continue;
    }
    if (!parsed.problem.empty()) parsed.problem += "; ";
    parsed.problem += "the size of disk " + disk.name + " is unknown: " + size.error().message();
  }
}

}  // namespace holdfast::libvirt
