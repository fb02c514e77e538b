// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "drivers/libvirt/domain_xml.hpp"
#include "drivers/libvirt/domains.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/overlays.hpp"
#include "drivers/libvirt/ports.hpp"

namespace holdfast::libvirt {
namespace {

using host::GuestDefinition;

// libvirt would refuse too, but with a number that says no more than "failed".
Result<void> check_name_is_free(Core& core, const Connection& connection, const std::string& name,
                                const Uuid& uuid) {
  core.calls->add(Call::lookup_by_name);
  const DomainHandle domain{virDomainLookupByName(connection.handle.get(), name.c_str())};
  if (!domain) {
    if (last_error_number() == VIR_ERR_NO_DOMAIN) return ok();
    return last_error("virDomainLookupByName");
  }
  std::array<std::uint8_t, VIR_UUID_BUFLEN> bytes{};
  if (virDomainGetUUID(domain.get(), bytes.data()) == 0 && Uuid{bytes} == uuid) return ok();
  return Error{Errc::conflict, "the name " + name + " belongs to guest " + to_string(Uuid{bytes})};
}

Result<void> define_xml(Core& core, const Connection& connection, const std::string& xml) {
  core.calls->add(Call::define);
  const DomainHandle defined{virDomainDefineXMLFlags(connection.handle.get(), xml.c_str(), 0)};
  if (!defined) return last_error("virDomainDefineXMLFlags");
  return ok();
}

// A definition made before a snapshot was taken names the disk below its overlay. To
// follow it would undo, out of sight, all that was written since.
Result<void> check_layers_stay(const ParsedDomain& now, const GuestDefinition& definition) {
  for (const host::Disk& disk : now.shape.disks) {
    for (const host::Disk& wanted : definition.shape.disks) {
      if (disk.format != "qcow2" || wanted.name != disk.name || wanted.path == disk.path) continue;
      const auto chain = TRY(read_chain(disk.path));
      if (std::find(chain.begin(), chain.end(), wanted.path) == chain.end()) continue;
      return Error{Errc::conflict, "disk " + disk.name + " lies at " + disk.path +
                                       " now, on top of " + wanted.path};
    }
  }
  return ok();
}

// What define() must not do: it has no permit.
std::string taken_away_by(const GuestDefinition& definition, const OurDomain& ours) {
  for (const host::Disk& now : ours.parsed.shape.disks) {
    const auto stays = std::any_of(
        definition.shape.disks.begin(), definition.shape.disks.end(),
        [&](const host::Disk& disk) { return disk.name == now.name && disk.path == now.path; });
    if (!stays) return "disk " + now.name + " (" + now.path + ")";
  }
  if (definition.marker.incarnation != ours.marker().incarnation) return "the incarnation";
  return {};
}

constexpr std::initializer_list<gate::Verb> replacing_verbs{
    gate::Verb::replace_image, gate::Verb::remove_volume, gate::Verb::shrink_disk,
    gate::Verb::move_disk};

Result<void> redefine_guest(Core& core, const Connection& connection,
                            const GuestDefinition& definition, const gate::Permit& permit) {
  const OurDomain ours = TRY(find_ours(core, connection, definition.marker.uuid));
  TRY(permit.covers(replacing_verbs, definition.marker.uuid));
  TRY(permit.covers(definition.marker.uuid, ours.marker().incarnation));
  if (ours.state.is_active()) return Error{Errc::conflict, "the guest is still running"};
  TRY(check_layers_stay(ours.parsed, definition));
  if (ours.parsed.name != definition.name)
    return Error{Errc::conflict, "it is called " + ours.parsed.name + "; rename it first"};
  return define_xml(core, connection, TRY(amend_domain(ours.xml, definition, connection.platform)));
}

Result<void> define_guest(Core& core, const Connection& connection,
                          const GuestDefinition& definition) {
  const Uuid& uuid = definition.marker.uuid;
  auto existing = find_ours(core, connection, uuid);
  if (existing) {
    TRY(check_layers_stay(existing->parsed, definition));
    if (existing->parsed.name != definition.name) {
      return Error{Errc::conflict, "it is called " + existing->parsed.name + "; rename it first"};
    }
    if (const auto taken = taken_away_by(definition, *existing); !taken.empty())
      return Error{Errc::denied, "a definition never takes away " + taken};
    return define_xml(core, connection,
                      TRY(amend_domain(existing->xml, definition, connection.platform)));
  }
  if (existing.error().code() != Errc::not_found) return std::move(existing).error();
  TRY(check_name_is_free(core, connection, definition.name, uuid));
  return define_xml(core, connection, TRY(render_domain(definition, connection.platform)));
}

Result<void> adopt_guest(Core& core, const Connection& connection,
                         const GuestDefinition& definition, const gate::Permit& permit) {
  const Uuid& uuid = definition.marker.uuid;
  TRY(permit.covers({gate::Verb::adopt_guest}, uuid));
  TRY(permit.covers(uuid, definition.marker.incarnation));
  const DomainHandle domain = TRY(find_domain(core, connection, uuid));
  if (virDomainIsPersistent(domain.get()) != 1)
    return Error{Errc::invalid, "it cannot be adopted: it is gone once it stops (transient)"};
  const std::string xml = TRY(read_xml(core, domain.get(), Config::persistent));
  const ParsedDomain now = parse_domain(xml, connection.platform);
  if (now.metadata && now.metadata->marker == definition.marker) return ok();
  if (now.metadata || !now.problem.empty())
    return Error{Errc::conflict, now.metadata ? "it carries a marker of Holdfast" : now.problem};
  return define_xml(core, connection, TRY(adopt_domain(xml, definition)));
}

Result<void> rename_guest(Core& core, const Connection& connection, const Uuid& uuid,
                          const std::string& name) {
  const OurDomain ours = TRY(find_ours(core, connection, uuid));
  if (ours.parsed.name == name) return ok();
  if (ours.state.is_active()) return Error{Errc::conflict, "a running guest cannot be renamed"};
  TRY(check_name_is_free(core, connection, name, uuid));
  core.calls->add(Call::rename);
  if (virDomainRename(ours.get(), name.c_str(), 0) != 0) return last_error("virDomainRename");
  return ok();
}

// The configuration and what libvirt itself keeps with it. None of the flags that remove
// storage: disks are the caller's, one permit each.
constexpr unsigned undefine_flags =
    VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
    VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM;

constexpr std::initializer_list<gate::Verb> undefining_verbs{
    gate::Verb::free_tombstone, gate::Verb::remove_unfinished, gate::Verb::remove_scratch};

void remove_console_log(const Platform& platform, const Uuid& uuid) {
  if (platform.console_dir.empty()) return;
  const std::string log = platform.console_dir + "/" + to_string(uuid) + ".log";
  for (const char* rotated : {"", ".0", ".1", ".2"}) ::unlink((log + rotated).c_str());
}

Result<void> undefine_guest(Core& core, const Connection& connection, const Uuid& uuid,
                            const gate::Permit& permit) {
  auto found = find_ours(core, connection, uuid);
  if (!found && found.error().code() == Errc::not_found) {
    return permit.covers(undefining_verbs, uuid);
  }
  const OurDomain ours = TRY(std::move(found));
  TRY(permit.covers(undefining_verbs, uuid));
  TRY(permit.covers(uuid, ours.marker().incarnation));
  if (ours.state.is_active()) return Error{Errc::conflict, "the guest is still running"};
  core.calls->add(Call::undefine);
  int undone = virDomainUndefineFlags(ours.get(), undefine_flags);
  if (undone != 0 && last_error_number() == VIR_ERR_INVALID_ARG) {
    // The test driver knows fewer flags.
    undone = virDomainUndefineFlags(
        ours.get(), VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA);
  }
  if (undone != 0) return last_error("virDomainUndefineFlags");
  remove_console_log(connection.platform, uuid);
  return ok();
}

}  // namespace

Result<void> LibvirtHypervisor::define(const GuestDefinition& definition) {
  return core_
      ->change(definition.marker.uuid,
               [definition](Core& core, const Connection& c) {
                 return define_guest(core, c, definition);
               })
      .context("define guest " + definition.name);
}

Result<void> LibvirtHypervisor::redefine(gate::Permit permit, const GuestDefinition& definition) {
  return core_
      ->change(definition.marker.uuid,
               [definition, owned = std::move(permit)](Core& core, const Connection& c) {
                 return redefine_guest(core, c, definition, owned);
               })
      .context("redefine guest " + definition.name);
}

Result<void> LibvirtHypervisor::adopt(gate::Permit permit, const GuestDefinition& definition) {
  return core_
      ->change(definition.marker.uuid,
               [definition, owned = std::move(permit)](Core& core, const Connection& c) {
                 return adopt_guest(core, c, definition, owned);
               })
      .context("adopt guest " + definition.name);
}

Result<void> LibvirtHypervisor::rename(const Uuid& uuid, const std::string& name) {
  return core_
      ->change(uuid,
               [uuid, name](Core& core, const Connection& c) {
                 return rename_guest(core, c, uuid, name);
               })
      .context("rename guest " + to_string(uuid) + " to " + name);
}

Result<void> LibvirtHypervisor::undefine(gate::Permit permit, const Uuid& uuid) {
  return core_
      ->change(uuid,
               [uuid, owned = std::move(permit)](Core& core, const Connection& c) {
                 return undefine_guest(core, c, uuid, owned);
               })
      .context("undefine guest " + to_string(uuid));
}

}  // namespace holdfast::libvirt
