// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <pugixml.hpp>

#include "drivers/libvirt/domain_xml.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/overlays.hpp"
#include "drivers/libvirt/ports.hpp"
#include "drivers/libvirt/snapshot_merge.hpp"
#include "drivers/libvirt/snapshot_records.hpp"
#include "drivers/libvirt/xml_text.hpp"

namespace holdfast::libvirt {
namespace {

using host::SnapshotFacts;

constexpr unsigned create_flags =
    unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY} | unsigned{VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC};

// Only disks; libvirt leaves read-only drives (the seed) out by itself.
std::string render_snapshot(const OurDomain& ours, const std::string& name) {
  pugi::xml_document document;
  auto root = document.append_child("domainsnapshot");
  root.append_child("name").text().set(name.c_str());
  const SnapshotNote note{ours.marker().incarnation, {}};
  root.append_child("description").text().set(to_json(note).c_str());
  auto disks = root.append_child("disks");
  for (std::size_t i = 0; i < ours.parsed.devices.size(); ++i) {
    const host::Disk& disk = ours.parsed.shape.disks[i];
    auto element = disks.append_child("disk");
    element.append_attribute("name").set_value(ours.parsed.devices[i].c_str());
    element.append_attribute("snapshot").set_value("external");
    element.append_child("driver").append_attribute("type").set_value("qcow2");
    const std::string overlay = free_overlay_path(disk.path, disk.name, name);
    element.append_child("source").append_attribute("file").set_value(overlay.c_str());
  }
  return to_text(root);
}

Result<void> take(Core& core, const Connection& connection, const Uuid& uuid,
                  const std::string& name) {
  TRY(check_snapshot_name(name));
  const OurDomain ours = TRY(find_ours(core, connection, uuid));
  core.calls->add(Call::snapshot_lookup);
  const SnapshotHandle taken{virDomainSnapshotLookupByName(ours.get(), name.c_str(), 0)};
  if (taken) return Error{Errc::conflict, "the guest has a snapshot " + name + " already"};
  core.calls->add(Call::snapshot_create);
  const SnapshotHandle made{
      virDomainSnapshotCreateXML(ours.get(), render_snapshot(ours, name).c_str(), create_flags)};
  if (!made) return last_error(to_string(Call::snapshot_create));
  return ok();
}

Result<std::vector<SnapshotFacts>> facts_of_all(Core& core, const Connection& connection,
                                                const Uuid& uuid) {
  const DomainHandle domain = TRY(find_domain(core, connection, uuid));
  std::vector<SnapshotFacts> facts;
  for (const SnapshotRecord& record : TRY(list_snapshots(core, connection, domain.get()))) {
    facts.push_back({record.parsed.name, record.note ? record.note->incarnation : Incarnation{0},
                     record.parsed.created, record.note.has_value()});
  }
  std::sort(facts.begin(), facts.end(), [](const SnapshotFacts& a, const SnapshotFacts& b) {
    return a.created != b.created ? a.created < b.created : a.name < b.name;
  });
  return facts;
}

Result<void> check_permit(const gate::Permit& permit, std::initializer_list<gate::Verb> verbs,
                          const OurDomain& ours) {
  TRY(permit.covers(verbs, ours.marker().uuid));
  return permit.covers(ours.marker().uuid, ours.marker().incarnation);
}

// Each disk that the snapshot froze gets a fresh overlay on what was frozen; the layers
// in use until now stay where they are, whole.
Result<std::vector<DiskSource>> branch_off(const OurDomain& ours, const ParsedSnapshot& snapshot) {
  std::vector<DiskSource> sources;
  const auto& disks = ours.parsed.shape.disks;
  for (std::size_t i = 0; i < disks.size(); ++i) {
    const auto& then = snapshot.at.shape.disks;
    const auto frozen = std::find_if(then.begin(), then.end(), [&](const host::Disk& disk) {
      return disk.name == disks[i].name;
    });
    if (frozen == then.end()) continue;  // attached since
    const std::string overlay = free_overlay_path(frozen->path, frozen->name, snapshot.name);
    TRY(create_overlay(overlay, frozen->path, frozen->format));
    sources.push_back({ours.parsed.devices[i], overlay, "qcow2"});
  }
  return sources;
}

Result<void> go_back(Core& core, const Connection& connection, const OurDomain& ours,
                     const std::string& name) {
  if (ours.state.is_active()) return Error{Errc::conflict, "the guest is still running"};
  const SnapshotRecord record = TRY(find_snapshot(core, connection, ours.get(), name));
  if (!record.note) return Error{Errc::conflict, "Holdfast did not make snapshot " + name};
  if (record.note->incarnation != ours.marker().incarnation) {
    return Error{Errc::conflict, "snapshot " + name + " is of another incarnation"};
  }
  const auto sources = TRY(branch_off(ours, record.parsed));
  const std::string xml = TRY(replace_sources(ours.xml, sources));
  core.calls->add(Call::define);
  const DomainHandle defined{virDomainDefineXMLFlags(connection.handle.get(), xml.c_str(), 0)};
  if (!defined) return last_error(to_string(Call::define));
  return ok();
}

}  // namespace

Result<void> LibvirtSnapshots::create(const Uuid& uuid, const std::string& name) {
  return core_
      ->change(uuid,
               [uuid, name](Core& core, const Connection& c) { return take(core, c, uuid, name); })
      .context("take snapshot " + name + " of guest " + to_string(uuid));
}

Result<std::vector<SnapshotFacts>> LibvirtSnapshots::list(const Uuid& uuid) {
  return core_
      ->ask(uuid, core_->options.observe_deadline,
            [uuid](Core& core, const Connection& c) { return facts_of_all(core, c, uuid); })
      .context("list snapshots of guest " + to_string(uuid));
}

Result<void> LibvirtSnapshots::roll_back(gate::Permit permit, const Uuid& uuid,
                                         const std::string& name) {
  return core_
      ->change(
          uuid,
          [uuid, name, owned = std::move(permit)](Core& core, const Connection& c) -> Result<void> {
            const OurDomain ours = TRY(find_ours(core, c, uuid));
            TRY(check_permit(owned, {gate::Verb::roll_back_snapshot}, ours));
            return go_back(core, c, ours, name);
          })
      .context("roll guest " + to_string(uuid) + " back to snapshot " + name);
}

Result<void> LibvirtSnapshots::remove(gate::Permit permit, const Uuid& uuid,
                                      const std::string& name) {
  core_->cache->mark(uuid);
  auto removed = core_->ask(
      uuid, core_->options.merge_deadline,
      [uuid, name, owned = std::move(permit)](Core& core, const Connection& c) -> Result<void> {
        const OurDomain ours = TRY(find_ours(core, c, uuid));
        TRY(check_permit(owned, {gate::Verb::remove_snapshot, gate::Verb::remove_unfinished},
                         ours));
        return merge_and_forget(core, c, ours, name);
      });
  core_->cache->mark(uuid);
  return std::move(removed).context("remove snapshot " + name + " of guest " + to_string(uuid));
}

}  // namespace holdfast::libvirt
