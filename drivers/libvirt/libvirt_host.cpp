// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/libvirt_host.hpp"

#include "drivers/libvirt/core.hpp"
#include "drivers/libvirt/ports.hpp"

namespace holdfast::libvirt {
namespace {

constexpr Duration first_connection = std::chrono::seconds{5};

}  // namespace

struct LibvirtHost::Parts {
  explicit Parts(const CorePtr& shared)
      : core{shared},
        inventory{shared},
        hypervisor{shared},
        power{shared},
        tuning{shared},
        snapshots{shared} {}

  CorePtr core;
  LibvirtInventory inventory;
  LibvirtHypervisor hypervisor;
  LibvirtPower power;
  LibvirtTuning tuning;
  LibvirtSnapshots snapshots;
};

Result<std::unique_ptr<LibvirtHost>> LibvirtHost::open(Options options, const Clock& clock) {
  if (options.uri.empty()) return Error{Errc::invalid, "libvirt: the URI to connect to is empty"};
  const auto core = Core::open(std::move(options), clock, first_connection);
  return std::unique_ptr<LibvirtHost>{new LibvirtHost{std::make_unique<Parts>(core)}};
}

LibvirtHost::LibvirtHost(std::unique_ptr<Parts> parts) : parts_{std::move(parts)} {}

LibvirtHost::~LibvirtHost() { parts_->core->close(); }

host::GuestInventory& LibvirtHost::inventory() { return parts_->inventory; }
host::Hypervisor& LibvirtHost::hypervisor() { return parts_->hypervisor; }
host::PowerControl& LibvirtHost::power() { return parts_->power; }
host::LiveTuning& LibvirtHost::tuning() { return parts_->tuning; }
host::GuestSnapshots& LibvirtHost::snapshots() { return parts_->snapshots; }

bool LibvirtHost::is_connected() const { return parts_->core->is_connected(); }

std::map<std::string, std::uint64_t> LibvirtHost::calls() const {
  return parts_->core->calls->read();
}

}  // namespace holdfast::libvirt
