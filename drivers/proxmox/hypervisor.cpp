// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "drivers/proxmox/ports.hpp"

// Changes of a guest's configuration: each bound to the digest of what was read, and the
// marker written with it in the same request.
namespace holdfast::proxmox {
namespace {

// The keys of what `wanted` leaves out, where that may be. What stays is on the volumes it is on.
Result<std::vector<std::string>> left_out(const std::vector<Volume>& present,
                                          const host::Shape& wanted, bool may_remove) {
  std::vector<std::string> keys;
  for (const Volume& volume : present) {
    const bool stays =
        std::any_of(wanted.disks.begin(), wanted.disks.end(), [&](const host::Disk& other) {
          return other.name == volume.disk.name && other.path == volume.disk.path;
        });
    if (stays) continue;
    keys.push_back(volume.key);
    const bool is_removal = may_remove && keys.size() == 1 && volume.disk.name != "root";
    if (!is_removal)
      return Error{Errc::denied, "it would take disk " + volume.disk.name + " away or exchange it"};
  }
  if (wanted.disks.size() + keys.size() == present.size()) return keys;
  return Error{Errc::invalid, "a guest of Proxmox is given disks one by one, not by definition"};
}

// One "delete" takes all keys. A volume whose key goes is out of use, as "unused0"; it stays.
void add_deletions(const std::vector<std::string>& keys, Form& form) {
  for (const std::string& key : keys) {
    const auto known = std::find_if(form.begin(), form.end(),
                                    [](const auto& part) { return part.first == "delete"; });
    if (known == form.end())
      form.emplace_back("delete", key);
    else
      known->second += "," + key;
  }
}

}  // namespace

Result<void> check_name(const Listing& listing, const std::string& name, std::optional<int> own) {
  for (const Summary& other : listing)
    if (other.name == name && other.place.vmid != own)
      return Error{Errc::conflict,
                   "guest " + std::to_string(other.place.vmid) + " is called " + name + " already"};
  return ok();
}

Result<void> Hypervisor::apply(const Ours& guest, const host::GuestDefinition& definition,
                               bool may_remove) {
  if (!definition.kernel.empty())
    return Error{Errc::invalid,
                 "guests of Proxmox boot from their own disk, not from a kernel file"};
  const Place& place = guest.config.place;
  const Uuid& uuid = definition.marker.uuid;
  const auto removed =
      TRY(left_out(volumes_of(guest.config, node_.options(), uuid), definition.shape, may_remove));
  Form form = TRY(changes_for(guest.config, definition.shape, definition.name));
  add_deletions(removed, form);
  if (name_of(guest.config) != definition.name) {
    const Listing listing = TRY(node_.list());
    TRY(check_name(listing, definition.name, place.vmid));
  }
  if (guest.text.marker != definition.marker)
    form.emplace_back("description", TRY(with_marker(guest.config.get("description"),
                                                     {definition.marker, place.vmid})));
  return node_.change(guest.config, std::move(form));
}

Result<void> Hypervisor::define(const host::GuestDefinition& definition) {
  const auto guest = node_.ours(definition.marker.uuid);
  if (!guest && guest.error().code() == Errc::not_found)
    return Error{Errc::invalid, "a guest of Proxmox is born by restoring an image, and " +
                                    definition.name + " was not"};
  if (!guest) return guest.error();
  if (guest->text.marker.incarnation != definition.marker.incarnation)
    return Error{Errc::denied, "it would change the incarnation of " + definition.name};
  return apply(*guest, definition);
}

Result<void> Hypervisor::redefine(gate::Permit permit, const host::GuestDefinition& definition) {
  const Ours guest = TRY(node_.ours_stopped(definition.marker.uuid));
  TRY(permit.covers({gate::Verb::shrink_disk, gate::Verb::remove_volume, gate::Verb::move_disk,
                     gate::Verb::replace_image, gate::Verb::restore_over},
                    definition.marker.uuid));
  TRY(permit.covers(definition.marker.uuid, guest.text.marker.incarnation));
  const bool may_remove{permit.covers({gate::Verb::remove_volume}, definition.marker.uuid)};
  return apply(guest, definition, may_remove);
}

Result<void> Hypervisor::adopt(gate::Permit permit, const host::GuestDefinition& definition) {
  const Uuid& uuid = definition.marker.uuid;
  TRY(permit.covers({gate::Verb::adopt_guest}, uuid));
  const auto found = TRY(node_.observe(uuid));
  if (!found) return Error{Errc::not_found, "guest " + to_string(uuid) + " does not exist"};
  if (found->marker)
    return found->marker == definition.marker
               ? ok()
               : Error{Errc::conflict, "it carries a marker already"};
  if (!found->problem.empty()) return Error{Errc::invalid, found->problem};
  const Listing listing = TRY(node_.list());
  for (const Summary& summary : listing) {
    if (foreign_uuid(node_.options().node, summary.place) != uuid) continue;
    const auto config = TRY(node_.config(summary.place));
    if (!config) break;
    TRY(left_out(volumes_of(*config, node_.options(), uuid), definition.shape, false));
    // The digest is of a guest without a marker: no other one can be hit by this.
    return node_.change(
        *config, {{"description", TRY(with_marker(config->get("description"),
                                                  {definition.marker, summary.place.vmid}))}});
  }
  return Error{Errc::conflict, "guest " + to_string(uuid) + " went while it was looked at"};
}

Result<void> Hypervisor::rename(const Uuid& uuid, const std::string& name) {
  const Ours guest = TRY(node_.ours(uuid));
  if (name_of(guest.config) == name) return ok();
  if (guest.power != host::PowerState::stopped)
    return Error{Errc::conflict, "a guest is renamed while it is stopped"};
  const Listing listing = TRY(node_.list());
  TRY(check_name(listing, name, guest.config.place.vmid));
  const char* const key = guest.config.place.kind == Kind::lxc ? "hostname" : "name";
  return node_.change(guest.config, {{key, name}});
}

Result<void> Hypervisor::undefine(gate::Permit permit, const Uuid& uuid) {
  TRY(permit.covers(uuid));
  return Error{Errc::invalid, "a guest of Proxmox cannot go and leave its disks"};
}

}  // namespace holdfast::proxmox
