// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/proxmox_host.hpp"

#include <utility>

#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/provider_check.hpp"

namespace holdfast::proxmox {

struct ProxmoxHost::Parts {
  Parts(Exchange& exchange, Options options, const Clock& clock)
      : node{exchange, std::move(options), clock} {}

  Node node;
  Inventory inventory{node};
  Hypervisor hypervisor{node};
  Power power{node};
  Tuning tuning{node};
  Snapshots snapshots{node};
  Disks disks{node};
  Images images{node};
  Births births{node};
  ArchiveBackups backups{node, births};
  TaskBoard tasks{node};
};

ProxmoxHost::ProxmoxHost(Exchange& exchange, Options options, const Clock& clock)
    : parts_{std::make_unique<Parts>(exchange, std::move(options), clock)} {}

ProxmoxHost::~ProxmoxHost() = default;

host::Host ProxmoxHost::ports() {
  Parts& parts = *parts_;
  return {.inventory = parts.inventory,
          .hypervisor = parts.hypervisor,
          .power = parts.power,
          .tuning = parts.tuning,
          .snapshots = parts.snapshots,
          .disks = parts.disks,
          .copies = parts.disks,
          .images = parts.images,
          .contained = &parts.births,
          .tasks = &parts.tasks,
          .backups = &parts.backups};
}

Result<std::vector<StorageFacts>> ProxmoxHost::storages() {
  const Json list = TRY(parts_->node.client().get(parts_->node.path("/storage")));
  std::vector<StorageFacts> all;
  for (const auto& [target, storage] : parts_->node.options().storages) {
    StorageFacts facts{target, storage, {}, {}, "not there, or not to be seen by the token"};
    for (const Json& entry : list) {
      if (text_of(entry, "storage") != storage) continue;
      facts.size = Bytes{static_cast<std::uint64_t>(number_of(entry, "total"))};
      facts.available = Bytes{static_cast<std::uint64_t>(number_of(entry, "avail"))};
      facts.problem = number_of(entry, "active", 1) > 0 ? "" : "it is not active";
    }
    all.push_back(std::move(facts));
  }
  return all;
}

Result<std::vector<Check>> ProxmoxHost::check() { return check_provider(parts_->node); }

}  // namespace holdfast::proxmox
