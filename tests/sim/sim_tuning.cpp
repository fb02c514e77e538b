// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

// As many as the hypervisor has prepared sockets for; processors cannot be taken back.
constexpr unsigned most_live_cpus = 16;

Result<SimDomain*> find_running(SimCore& core, Call call, const Uuid& uuid) {
  SimDomain* domain = TRY(core.find_ours(call, uuid));
  if (!domain->is_up()) return Error{Errc::conflict, domain->name + " is not running"};
  return domain;
}

void done(SimCore& core, Call call, SimDomain& domain) {
  core.world.touch(domain);
  core.announce(call, domain.uuid);
}

host::Disk* find_disk(host::Shape& shape, const std::string& name) {
  for (host::Disk& disk : shape.disks) {
    if (disk.name == name) return &disk;
  }
  return nullptr;
}

void add_nic(host::Shape& shape, const host::Nic& nic) {
  const auto same = [&](const host::Nic& present) { return present.mac == nic.mac; };
  if (std::none_of(shape.nics.begin(), shape.nics.end(), same)) shape.nics.push_back(nic);
}

void drop_nic(host::Shape& shape, const std::string& mac) {
  shape.nics.erase(std::remove_if(shape.nics.begin(), shape.nics.end(),
                                  [&](const host::Nic& nic) { return nic.mac == mac; }),
                   shape.nics.end());
}

}  // namespace

Result<void> SimTuning::set_cpus(const Uuid& uuid, unsigned cpus) {
  return core_.change(Call::set_cpus, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::set_cpus, uuid));
    if (cpus < domain.live->cpus || cpus > most_live_cpus) {
      return Error{Errc::denied, std::to_string(cpus) + " processors need a restart"};
    }
    domain.live->cpus = cpus;
    domain.configured.cpus = cpus;
    done(core_, Call::set_cpus, domain);
    return ok();
  });
}

Result<void> SimTuning::set_memory(const Uuid& uuid, Bytes memory) {
  return core_.change(Call::set_memory, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::set_memory, uuid));
    if (memory > domain.memory_ceiling) {
      return Error{Errc::denied, to_string(memory) + " of memory need a restart"};
    }
    domain.live->memory = memory;
    domain.configured.memory = memory;
    done(core_, Call::set_memory, domain);
    return ok();
  });
}

Result<void> SimTuning::set_limits(const Uuid& uuid, const Limits& limits) {
  return core_.change(Call::set_limits, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::set_limits, uuid));
    domain.live->limits = limits;
    domain.configured.limits = limits;
    done(core_, Call::set_limits, domain);
    return ok();
  });
}

Result<void> SimTuning::grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) {
  return core_.change(Call::grow_disk, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::grow_disk, uuid));
    host::Disk* live = find_disk(*domain.live, disk);
    if (live == nullptr) return Error{Errc::conflict, "it runs without a disk " + disk};
    const auto file = core_.world.files.find(live->path);
    if (file == core_.world.files.end()) {
      return Error{Errc::unavailable, "cannot open " + live->path};
    }
    if (file->second.size > size) return Error{Errc::invalid, disk + " is larger already"};
    if (file->second.size < size) TRY(ensure_space(core_.world, live->path));
    file->second.size = size;
    live->size = size;
    if (host::Disk* kept = find_disk(domain.configured, disk)) kept->size = size;
    done(core_, Call::grow_disk, domain);
    return ok();
  });
}

Result<void> SimTuning::attach_disk(const Uuid& uuid, const host::Disk& disk) {
  return core_.change(Call::attach_disk, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::attach_disk, uuid));
    const auto file = core_.world.files.find(disk.path);
    if (file == core_.world.files.end()) {
      return Error{Errc::unavailable, "cannot open " + disk.path};
    }
    host::Disk attached = disk;
    attached.size = file->second.size;
    for (host::Shape* shape : {&*domain.live, &domain.configured}) {
      const host::Disk* present = find_disk(*shape, disk.name);
      if (present != nullptr && present->path != disk.path) {
        return Error{Errc::conflict, domain.name + " has another disk " + disk.name};
      }
    }
    for (host::Shape* shape : {&*domain.live, &domain.configured}) {
      if (find_disk(*shape, disk.name) == nullptr) shape->disks.push_back(attached);
    }
    done(core_, Call::attach_disk, domain);
    return ok();
  });
}

Result<void> SimTuning::attach_nic(const Uuid& uuid, const host::Nic& nic) {
  return core_.change(Call::attach_nic, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::attach_nic, uuid));
    add_nic(*domain.live, nic);
    add_nic(domain.configured, nic);
    done(core_, Call::attach_nic, domain);
    return ok();
  });
}

Result<void> SimTuning::detach_nic(const Uuid& uuid, const std::string& mac) {
  return core_.change(Call::detach_nic, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(find_running(core_, Call::detach_nic, uuid));
    drop_nic(*domain.live, mac);
    drop_nic(domain.configured, mac);
    done(core_, Call::detach_nic, domain);
    return ok();
  });
}

}  // namespace holdfast::sim
