// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_shape.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "reconcilers/guest/first_boot.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

// "/srv/guests/<uuid>/root.raw" -> "/srv/guests/<uuid>/"
std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

bool nic_before(const host::Nic& one, const host::Nic& other) { return one.mac < other.mac; }

}  // namespace

std::string applied_digest(const Guest& guest) {
  Guest without_power = guest;
  without_power.spec.power = Power::running;
  return digest(without_power);
}

std::string applied_digest(const DesiredGuest& desired) {
  return desired.spec_digest.empty() ? applied_digest(*desired.guest) : desired.spec_digest;
}

gate::MarkerState marker_state(const host::ObservedGuestPtr& observed,
                               const GuestIdentity& identity, const std::string& host_id) {
  if (!observed) return gate::MarkerState::no_object;
  if (!observed->marker) return gate::MarkerState::missing;
  const host::Marker& marker = *observed->marker;
  const bool matches = marker.uuid == identity.uuid && marker.host_id == host_id &&
                       marker.incarnation == identity.incarnation;
  return matches ? gate::MarkerState::matches : gate::MarkerState::differs;
}

bool is_tombstone(const host::Marker& marker) { return marker.provenance == "tombstone"; }

std::optional<SeedFile> seed_of(const Guest& guest, const GuestIdentity& identity) {
  if (identity.first_boot == FirstBoot::none || identity.disks.empty()) return std::nullopt;
  SeedFile seed;
  // One line each, as cloud-init's documentation shows it: images with less than a YAML
  // parser read it, too. Quoted, because a name may look like a number.
  seed.content.meta_data =
      "instance-id: \"" + instance_id(identity) + "\"\nlocal-hostname: \"" + identity.name + "\"\n";
  seed.content.user_data = guest.spec.bootstrap.user_data.empty() ? "#cloud-config\n{}\n"
                                                                  : guest.spec.bootstrap.user_data;
  seed.content.vendor_data = vendor_data(identity);
  seed.content.network_config = guest.spec.bootstrap.network_config;
  // A length before each part: no two contents read the same.
  std::string all;
  for (const std::string* part : {&seed.content.meta_data, &seed.content.user_data,
                                  &seed.content.vendor_data, &seed.content.network_config})
    all += std::to_string(part->size()) + ":" + *part;
  seed.path =
      folder_of(identity.disks.front().path) + "seed-" + to_hex(sha256(all)).substr(0, 16) + ".iso";
  return seed;
}

std::string cmdline_of(const GuestIdentity& identity) {
  if (identity.kernel.empty() || identity.first_boot != FirstBoot::kernel_cmdline)
    return identity.cmdline;
  const std::string space = identity.cmdline.empty() ? "" : " ";
  return identity.cmdline + space + "holdfast.hostname=" + identity.name +
         " holdfast.instance=" + instance_id(identity);
}

const host::Disk* find_disk(const host::Shape& shape, const std::string& name) {
  const auto found = std::find_if(shape.disks.begin(), shape.disks.end(),
                                  [&](const host::Disk& disk) { return disk.name == name; });
  return found == shape.disks.end() ? nullptr : &*found;
}

const host::Nic* find_nic(const host::Shape& shape, const std::string& mac) {
  const auto found = std::find_if(shape.nics.begin(), shape.nics.end(),
                                  [&](const host::Nic& nic) { return nic.mac == mac; });
  return found == shape.nics.end() ? nullptr : &*found;
}

bool is_active(host::PowerState power) {
  return power == host::PowerState::running || power == host::PowerState::suspended ||
         power == host::PowerState::stopping;
}

std::vector<host::Nic> wanted_nics(const Guest& guest, const GuestIdentity& identity,
                                   const std::map<std::string, std::string>& new_macs) {
  std::vector<host::Nic> nics;
  for (const Interface& wanted : guest.spec.interfaces) {
    host::Nic nic;
    nic.kind = wanted.kind;
    nic.source = wanted.source;
    nic.model = wanted.model;
    if (const NicIdentity* known = identity.find_nic(wanted.name)) {
      nic.mac = known->mac;
    } else if (const auto fresh = new_macs.find(wanted.name); fresh != new_macs.end()) {
      nic.mac = fresh->second;
    }
    nics.push_back(std::move(nic));
  }
  return nics;
}

bool same_nics(const std::vector<host::Nic>& one, const std::vector<host::Nic>& other) {
  std::vector<host::Nic> left = one;
  std::vector<host::Nic> right = other;
  std::sort(left.begin(), left.end(), nic_before);
  std::sort(right.begin(), right.end(), nic_before);
  return left == right;
}

GuestIdentity with_macs(GuestIdentity identity,
                        const std::map<std::string, std::string>& new_macs) {
  for (const auto& [interface, mac] : new_macs) identity.nics.push_back({interface, mac});
  return identity;
}

std::optional<GuestIdentity> moved_identity(const GuestIdentity& identity,
                                            const host::ObservedGuest& observed) {
  GuestIdentity moved = identity;
  for (DiskIdentity& disk : moved.disks) {
    const host::Disk* seen = find_disk(observed.configured, disk.name);
    if (seen == nullptr || seen->path.empty() || seen->path == disk.active) continue;
    if (disk.active != disk.path &&
        std::find(disk.layers.begin(), disk.layers.end(), disk.active) == disk.layers.end())
      disk.layers.push_back(disk.active);
    std::erase(disk.layers, seen->path);
    disk.active = seen->path;
    disk.format = seen->format;
  }
  if (moved == identity) return std::nullopt;
  return moved;
}

GuestIdentity with_seed(GuestIdentity identity, const std::optional<SeedFile>& seed) {
  if (!seed) return identity;
  auto& seeds = identity.seeds;
  if (std::find(seeds.begin(), seeds.end(), seed->path) == seeds.end()) seeds.push_back(seed->path);
  return identity;
}

std::string deferral_of(const LiveChange& change) {
  struct {
    std::string operator()(const LiveCpus& c) const { return "cpus=" + std::to_string(c.cpus); }
    std::string operator()(const LiveMemory& c) const { return "memory=" + to_string(c.memory); }
    std::string operator()(const LiveLimits& c) const {
      return "limits=" + dump(json_of(c.limits));
    }
    std::string operator()(const LiveAttachNic& c) const { return "+" + dump(json_of(c.nic)); }
    std::string operator()(const LiveDetachNic& c) const { return "-" + c.mac; }
  } const visitor;
  return std::visit(visitor, change);
}

std::vector<host::Disk> attached_disks(const GuestIdentity& identity,
                                       const host::ObservedGuest* observed,
                                       const std::map<std::string, Bytes>& sizes) {
  if (observed != nullptr) return observed->configured.disks;
  std::vector<host::Disk> disks;
  for (const DiskIdentity& ours : identity.disks) {
    const auto size = sizes.find(ours.active);
    if (size == sizes.end()) continue;
    disks.push_back({ours.name, ours.target, ours.active, ours.format, size->second});
  }
  return disks;
}

host::GuestDefinition definition_of(const Guest& guest, const GuestIdentity& identity,
                                    std::vector<host::Nic> nics, std::vector<host::Disk> disks) {
  host::GuestDefinition definition;
  definition.name = identity.name;
  definition.shape.cpus = guest.spec.cpus;
  definition.shape.memory = guest.spec.memory;
  definition.shape.limits = guest.spec.limits;
  definition.shape.nics = std::move(nics);
  definition.shape.disks = std::move(disks);
  if (const auto seed = seed_of(guest, identity)) definition.shape.seed_path = seed->path;
  definition.kernel = identity.kernel;
  definition.initrd = identity.initrd;
  definition.cmdline = cmdline_of(identity);
  return definition;
}

}  // namespace holdfast
