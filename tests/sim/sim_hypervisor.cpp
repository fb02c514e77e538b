// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {
namespace {

using gate::Verb;

// A definition made before a snapshot was taken names the disk below its overlay. To
// follow it would undo, out of sight, all that was written since.
Result<void> check_layers_stay(const SimWorld& world, const SimDomain& present,
                               const host::GuestDefinition& definition) {
  for (const host::Disk& now : present.configured.disks) {
    for (const host::Disk& wanted : definition.shape.disks) {
      if (wanted.name != now.name || wanted.path == now.path) continue;
      auto file = world.files.find(now.path);
      while (file != world.files.end() && !file->second.backing.empty()) {
        if (file->second.backing == wanted.path) {
          return Error{Errc::conflict, "disk " + now.name + " lies at " + now.path + " now"};
        }
        file = world.files.find(file->second.backing);
      }
    }
  }
  return ok();
}

Result<void> check_definition(SimWorld& world, const host::GuestDefinition& wanted) {
  const Uuid& uuid = wanted.marker.uuid;
  if (uuid.is_nil() || wanted.name.empty()) {
    return Error{Errc::invalid, "a definition needs a UUID and a name"};
  }
  if (wanted.shape.cpus == 0 || wanted.shape.memory.value == 0) {
    return Error{Errc::invalid, "a definition needs processors and memory"};
  }
  const SimDomain* namesake = world.find_by_name(wanted.name);
  if (namesake != nullptr && namesake->uuid != uuid) {
    return Error{Errc::conflict, "a domain named " + wanted.name + " exists with another UUID"};
  }
  const SimDomain* present = world.domain(uuid);
  if (present == nullptr) return ok();
  if (!present->marker || present->marker->uuid != uuid) {
    return Error{Errc::conflict, "UUID " + to_string(uuid) + " belongs to " + present->name};
  }
  if (present->name != wanted.name) {
    return Error{Errc::conflict, "domain " + present->name + " is already defined with this UUID"};
  }
  return check_layers_stay(world, *present, wanted);
}

// A job is written into the marker once, before it takes effect: twice is an order that was
// carried out twice. And until it expires nothing may make the guest forget it.
void watch_jobs(SimCore& core, const SimDomain* present, const host::Marker& marker) {
  const auto holds = [](const host::Marker& list, const std::string& id) {
    return std::any_of(list.jobs.begin(), list.jobs.end(),
                       [&](const host::ExecutedJob& job) { return job.id == id; });
  };
  const host::Marker none;
  const host::Marker& before = present != nullptr && present->marker ? *present->marker : none;
  for (const host::ExecutedJob& job : marker.jobs)
    if (!holds(before, job.id) && !core.world.executed.insert(job.id).second)
      core.offend("job " + job.id + " was carried out twice");
  for (const host::ExecutedJob& job : before.jobs)
    if (job.expires > core.clock.now() && !holds(marker, job.id))
      core.offend("a definition makes " + marker.name + " forget job " + job.id);
}

bool takes_away(const SimDomain& present, const host::GuestDefinition& wanted) {
  for (const host::Disk& now : present.configured.disks)
    if (std::none_of(
            wanted.shape.disks.begin(), wanted.shape.disks.end(),
            [&](const host::Disk& disk) { return disk.name == now.name && disk.path == now.path; }))
      return true;
  return wanted.marker.incarnation != present.marker->incarnation;
}

void put(SimDomain& domain, const host::GuestDefinition& definition) {
  domain.uuid = definition.marker.uuid;
  domain.name = definition.name;
  domain.marker = definition.marker;
  domain.configured = definition.shape;
  domain.kernel = definition.kernel;
  domain.initrd = definition.initrd;
  domain.cmdline = definition.cmdline;
}

// What the guest does not see any more was set aside with leave, and what was copied into a
// smaller disk has that one's size now.
void follow_marks(SimWorld& world, const SimDomain& domain) {
  for (CustomerMark& mark : world.marks) {
    if (mark.guest != domain.uuid) continue;
    mark.may_hide = true;
    for (const host::Disk& disk : domain.configured.disks)
      if (disk.name == mark.disk && world.data_on(disk.path).count(mark.token) > 0) {
        mark.may_hide = false;
        mark.size = std::min(mark.size, world.files.at(disk.path).size);
      }
  }
}

}  // namespace

Result<void> SimHypervisor::redefine(gate::Permit permit, const host::GuestDefinition& definition) {
  const gate::Permit once{std::move(permit)};
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::redefine, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::redefine, uuid));
    TRY(check_definition(core_.world, definition));
    if (domain.is_up()) return Error{Errc::conflict, domain.name + " is running"};
    TRY(core_.check(
        once, {Call::redefine, uuid, domain.marker->incarnation, {}},
        {Verb::replace_image, Verb::remove_volume, Verb::shrink_disk, Verb::move_disk}));
    watch_jobs(core_, &domain, definition.marker);
    put(domain, definition);
    follow_marks(core_.world, domain);
    core_.world.touch(domain);
    core_.announce(Call::redefine, uuid);
    return ok();
  });
}

Result<void> SimHypervisor::define(const host::GuestDefinition& definition) {
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::define, uuid, [&]() -> Result<void> {
    TRY(check_definition(core_.world, definition));
    const SimDomain* present = core_.world.domain(uuid);
    if (present != nullptr && takes_away(*present, definition))
      return Error{Errc::denied, "a definition never takes a disk or an incarnation away"};
    watch_jobs(core_, present, definition.marker);
    SimDomain& domain = core_.world.domains[uuid];
    put(domain, definition);
    core_.world.touch(domain);
    core_.announce(Call::define, uuid);
    return ok();
  });
}

Result<void> SimHypervisor::adopt(gate::Permit permit, const host::GuestDefinition& definition) {
  const gate::Permit once{std::move(permit)};
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::adopt, uuid, [&]() -> Result<void> {
    SimDomain* domain = core_.world.domain(uuid);
    if (domain == nullptr) return Error{Errc::not_found, "no domain has UUID " + to_string(uuid)};
    if (domain->marker == definition.marker) return ok();
    if (domain->marker) return Error{Errc::conflict, domain->name + " carries a marker"};
    TRY(core_.check(once, {Call::adopt, uuid, definition.marker.incarnation, {}},
                    {Verb::adopt_guest}));
    watch_jobs(core_, domain, definition.marker);
    for (host::Disk& now : domain->configured.disks)
      for (const host::Disk& named : definition.shape.disks)
        if (named.path == now.path) {
          now.name = named.name;
          now.target = named.target;
        }
    domain->marker = definition.marker;
    domain->is_foreign = false;
    core_.world.touch(*domain);
    core_.announce(Call::adopt, uuid);
    return ok();
  });
}

Result<void> SimHypervisor::rename(const Uuid& uuid, const std::string& name) {
  return core_.change(Call::rename, uuid, [&]() -> Result<void> {
    SimDomain& domain = *TRY(core_.find_ours(Call::rename, uuid));
    if (domain.name == name) return ok();
    if (domain.is_up()) return Error{Errc::conflict, domain.name + " is running"};
    if (core_.world.find_by_name(name) != nullptr) {
      return Error{Errc::conflict, "a domain named " + name + " exists"};
    }
    domain.name = name;
    core_.world.touch(domain);
    core_.announce(Call::rename, uuid);
    return ok();
  });
}

Result<void> SimHypervisor::undefine(gate::Permit permit, const Uuid& uuid) {
  const gate::Permit once{std::move(permit)};
  return core_.change(Call::undefine, uuid, [&]() -> Result<void> {
    const auto verbs = {Verb::remove_unfinished, Verb::remove_scratch, Verb::free_tombstone};
    if (core_.world.domain(uuid) == nullptr) {
      return core_.examine(once, {Call::undefine, uuid, std::nullopt, {}}, verbs);
    }
    SimDomain& domain = *TRY(core_.find_ours(Call::undefine, uuid));
    if (domain.is_up()) return Error{Errc::conflict, domain.name + " is running"};
    TRY(core_.check(once, {Call::undefine, uuid, domain.marker->incarnation, {}}, verbs));
    core_.world.domains.erase(uuid);
    ++core_.world.version;
    core_.announce(Call::undefine, uuid);
    return ok();
  });
}

}  // namespace holdfast::sim
