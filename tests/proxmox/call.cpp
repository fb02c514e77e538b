// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {

void refuse_permission(const std::string& what) {
  throw Refusal{403, "Permission check failed (" + what + ")\n", {}};
}

void refuse_parameter(const std::string& name, const std::string& why) {
  throw Refusal{400, "Parameter verification failed.\n", {{name, why}}};
}

std::string prefix_of(GuestKind kind) { return kind == GuestKind::lxc ? "vz" : "qm"; }

std::string Call::text(const std::string& name, const std::string& otherwise) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? otherwise : found->second.text;
}

std::int64_t Call::number(const std::string& name, std::int64_t otherwise) const {
  return has(name) ? std::atoll(text(name).c_str()) : otherwise;
}

bool Call::flag(const std::string& name, bool otherwise) const {
  return has(name) ? text(name) == "1" : otherwise;
}

Config Call::options(const std::vector<std::string>& besides) const {
  Config options;
  for (const auto& [name, value] : parameters) {
    if (name == "node" || name == "vmid") continue;
    if (std::find(besides.begin(), besides.end(), name) == besides.end())
      options[name] = value.text;
  }
  return options;
}

bool Call::may(const std::string& path, const std::string& privilege) const {
  if (world.access.privileges(caller, path, world.version).contains(privilege)) return true;
  constexpr std::string_view guests = "/vms/";
  if (!path.starts_with(guests)) return false;
  const Guest* guest = world.find_guest(std::atoi(path.c_str() + guests.size()));
  const std::string pool = guest != nullptr ? guest->pool : path == vms_path() ? text("pool") : "";
  return !pool.empty() &&
         world.access.privileges(caller, "/pool/" + pool, world.version).contains(privilege);
}

bool Call::may_any(const std::string& path, const std::vector<std::string>& privileges) const {
  return std::any_of(privileges.begin(), privileges.end(),
                     [&](const auto& privilege) { return may(path, privilege); });
}

void Call::require(const std::string& path, const std::string& privilege) const {
  if (!may(path, privilege)) refuse_permission(path + ", " + privilege);
}

void Call::require_any(const std::string& path, const std::vector<std::string>& privileges) const {
  if (may_any(path, privileges)) return;
  std::string names;
  for (const auto& privilege : privileges) names += (names.empty() ? "" : "|") + privilege;
  refuse_permission(path + ", " + names);
}

Guest* Call::find_guest() const {
  Guest* found = world.find_guest(vmid());
  if (found == nullptr || found->kind != kind || (birth != 0 && found->birth != birth))
    return nullptr;
  birth = found->birth;
  return found;
}

Guest& Call::guest() const {
  if (Guest* found = find_guest()) return *found;
  const std::string folder = kind == GuestKind::lxc ? "lxc" : "qemu-server";
  refuse("Configuration file 'nodes/" + world.node + "/" + folder + "/" + text("vmid") +
         ".conf' does not exist");
}

Storage& Call::storage(const std::string& name) const {
  const auto found = world.storages.find(name);
  if (found == world.storages.end()) refuse("storage '" + name + "' does not exist");
  return found->second;
}

void Call::require_unlocked(const Guest& guest) const {
  const auto lock = guest.config.find("lock");
  if (lock == guest.config.end()) return;
  refuse(std::string{guest.kind == GuestKind::lxc ? "CT" : "VM"} + " is locked (" + lock->second +
         ")");
}

void Call::require_digest(const Guest& guest) const {
  if (!has("digest") || text("digest") == digest_of(guest)) return;
  refuse(guest.kind == GuestKind::lxc
             ? "detected modified configuration - file changed by other user? Try again."
             : "checksum mismatch (file change by other user?)");
}

std::string Call::title() const { return (kind == GuestKind::lxc ? "CT " : "VM ") + text("vmid"); }

std::string Call::fork(const std::string& type, Work work) const {
  return tasks.fork(caller, type, text("vmid"), std::move(work), now);
}

}  // namespace holdfast::standin
