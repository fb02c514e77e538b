// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_identity.hpp"

#include <algorithm>
#include <array>

#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

constexpr std::string_view subject_prefix = "guest/";

}  // namespace

const DiskIdentity* GuestIdentity::find_disk(std::string_view disk) const {
  const auto found = std::find_if(disks.begin(), disks.end(),
                                  [&](const DiskIdentity& ours) { return ours.name == disk; });
  return found == disks.end() ? nullptr : &*found;
}

const NicIdentity* GuestIdentity::find_nic(std::string_view interface) const {
  const auto found = std::find_if(nics.begin(), nics.end(), [&](const NicIdentity& ours) {
    return ours.interface == interface;
  });
  return found == nics.end() ? nullptr : &*found;
}

std::vector<std::string> files_of(const DiskIdentity& disk) {
  std::vector<std::string> files;
  const auto add = [&](const std::string& path) {
    if (!path.empty() && std::find(files.begin(), files.end(), path) == files.end())
      files.push_back(path);
  };
  add(disk.active);
  for (const std::string& layer : disk.layers) add(layer);
  add(disk.path);
  return files;
}

std::string to_json(const GuestIdentity& identity) { return dump(json_of(identity)); }

Result<GuestIdentity> parse_identity(std::string_view json) {
  const auto value = TRY(parse_json(json).context("guest identity"));
  return read_identity(value);
}

Result<GuestIdentity> identity_from_marker(const host::Marker& marker) {
  GuestIdentity identity = TRY(parse_identity(marker.detail).context("marker"));
  if (identity.uuid != marker.uuid || identity.incarnation != marker.incarnation ||
      identity.name != marker.name)
    return Error{Errc::corrupt, "marker: its detail speaks of another guest"};
  return identity;
}

host::Marker make_marker(const GuestIdentity& identity, const std::string& host_id,
                         const std::string& spec_digest, const std::string& last_job) {
  host::Marker marker;
  marker.uuid = identity.uuid;
  marker.incarnation = identity.incarnation;
  marker.name = identity.name;
  marker.host_id = host_id;
  marker.provenance = "created";
  if (!identity.image.name.empty())
    marker.image = identity.image.name + "/" + identity.image.version;
  marker.spec_digest = spec_digest;
  marker.last_job = last_job;
  marker.detail = to_json(identity);
  return marker;
}

std::string tombstone_name(const GuestIdentity& identity) {
  return identity.name + ".tombstone-" + to_string(identity.uuid).substr(0, 8);
}

std::string random_mac(Random& random, const std::vector<std::string>& taken) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (;;) {
    std::uint64_t bits = random.next();
    std::string mac = "02";  // locally administered, unicast
    for (int byte = 0; byte < 5; ++byte, bits >>= 8U) {
      mac += ':';
      mac += digits[(bits >> 4U) & 0xfU];
      mac += digits[bits & 0xfU];
    }
    if (std::find(taken.begin(), taken.end(), mac) == taken.end()) return mac;
  }
}

std::string guest_subject(std::string_view name) {
  return std::string{subject_prefix} + std::string{name};
}

std::optional<std::string> guest_name_of(std::string_view subject) {
  if (subject.substr(0, subject_prefix.size()) != subject_prefix) return std::nullopt;
  return std::string{subject.substr(subject_prefix.size())};
}

}  // namespace holdfast
