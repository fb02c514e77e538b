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

}  // namespace

Result<void> SimHypervisor::define(const host::GuestDefinition& definition) {
  const Uuid& uuid = definition.marker.uuid;
  return core_.change(Call::define, uuid, [&]() -> Result<void> {
    TRY(check_definition(core_.world, definition));
    watch_jobs(core_, core_.world.domain(uuid), definition.marker);
    SimDomain& domain = core_.world.domains[uuid];
    domain.uuid = uuid;
    domain.name = definition.name;
    domain.marker = definition.marker;
    domain.configured = definition.shape;
    domain.kernel = definition.kernel;
    domain.initrd = definition.initrd;
    domain.cmdline = definition.cmdline;
    core_.world.touch(domain);
    core_.announce(Call::define, uuid);
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
