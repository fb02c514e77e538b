// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/property.hpp"

// Proxmox has one configuration and applies of it what the guest can take while it runs; what
// it cannot take is pending, which here is a declined change.
namespace holdfast::proxmox {
namespace {

Error not_allowed(Error error) {
  // `denied` would read as "at the next start".
  if (error.code() != Errc::denied) return error;
  return {Errc::unavailable, error.message()};
}

}  // namespace

Result<Ours> Tuning::running(const Uuid& uuid) {
  Ours guest = TRY(node_.ours(uuid));
  // A paused one takes changes, too; and it need not be let go on for them.
  if (guest.power == host::PowerState::running || guest.power == host::PowerState::suspended)
    return guest;
  return Error{Errc::conflict,
               "guest " + std::to_string(guest.config.place.vmid) + " does not run"};
}

Result<void> Tuning::tune(const Uuid& uuid, const std::function<void(host::Shape&)>& change) {
  const Ours guest = TRY(running(uuid));
  host::Shape wanted = shape_of(guest.config, node_.options(), uuid);
  change(wanted);
  const Form form = TRY(changes_for(guest.config, wanted, name_of(guest.config)));
  if (auto changed = node_.change(guest.config, form); !changed)
    return not_allowed(std::move(changed).error());
  const auto after = TRY(node_.observe(uuid));
  if (!after || !after->live) return ok();
  host::Shape live = *after->live;
  change(live);
  const bool is_applied = live.cpus == after->live->cpus && live.memory == after->live->memory &&
                          live.limits == after->live->limits && live.nics == after->live->nics;
  return is_applied ? ok() : Error{Errc::denied, "it takes a restart"};
}

Result<void> Tuning::set_cpus(const Uuid& uuid, unsigned cpus) {
  return tune(uuid, [cpus](host::Shape& shape) { shape.cpus = cpus; });
}

Result<void> Tuning::set_memory(const Uuid& uuid, Bytes memory) {
  return tune(uuid, [memory](host::Shape& shape) { shape.memory = memory; });
}

Result<void> Tuning::set_limits(const Uuid& uuid, const Limits& limits) {
  return tune(uuid, [&limits](host::Shape& shape) { shape.limits = limits; });
}

Result<void> Tuning::attach_nic(const Uuid& uuid, const host::Nic& nic) {
  return tune(uuid, [&nic](host::Shape& shape) {
    const bool is_there = std::any_of(shape.nics.begin(), shape.nics.end(),
                                      [&](const host::Nic& other) { return other.mac == nic.mac; });
    if (!is_there) shape.nics.push_back(nic);
  });
}

Result<void> Tuning::detach_nic(const Uuid& uuid, const std::string& mac) {
  return tune(uuid, [&mac](host::Shape& shape) {
    std::erase_if(shape.nics, [&](const host::Nic& nic) { return nic.mac == mac; });
  });
}

Result<void> Tuning::grow_disk(const Uuid& uuid, const std::string& disk, Bytes size) {
  TRY(running(uuid));
  return grow_volume(node_, uuid, disk, size);
}

Result<void> Tuning::attach_disk(const Uuid& uuid, const host::Disk& disk) {
  const Ours guest = TRY(running(uuid));
  for (const Volume& volume : volumes_of(guest.config, node_.options(), uuid))
    if (volume.disk.name == disk.name) return ok();
  return Error{Errc::conflict, "guest " + std::to_string(guest.config.place.vmid) +
                                   " has no disk " + disk.name + " to attach"};
}

Result<void> grow_volume(Node& node, const Uuid& uuid, const std::string& disk, Bytes size) {
  const auto turn = node.storage_turn();
  const Ours guest = TRY(node.ours(uuid));
  for (const Volume& volume : volumes_of(guest.config, node.options(), uuid)) {
    if (volume.disk.name != disk) continue;
    if (volume.disk.size == size) return ok();
    if (volume.disk.size > size)
      return Error{Errc::invalid, "disk " + disk + " is " + to_string(volume.disk.size) +
                                      " and is never made smaller"};
    const Place& place = guest.config.place;
    node.forget(place);
    const Json answer = TRY(node.client().put(
        node.path(place, "/resize"),
        {{"disk", volume.key}, {"size", size_text(size)}, {"digest", guest.config.digest}}));
    return node.finish(uuid, answer);
  }
  return Error{Errc::not_found,
               "guest " + std::to_string(guest.config.place.vmid) + " has no disk " + disk};
}

}  // namespace holdfast::proxmox
