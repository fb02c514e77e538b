// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "drivers/libvirt/domain_xml.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/ports.hpp"
#include "drivers/libvirt/tuning.hpp"

namespace holdfast::libvirt {

using host::Disk;
using host::Nic;

namespace {

Result<void> attach(Core& core, virDomain* domain, const std::string& xml, unsigned affect) {
  core.calls->add(Call::attach_device);
  if (virDomainAttachDeviceFlags(domain, xml.c_str(), affect) != 0) {
    return last_tuning_error(Call::attach_device);
  }
  return ok();
}

// To the running guest and its configuration, whichever lacks it; the second gets the
// address that the first has, so that the guest finds it in the same place after a restart.
Result<void> attach_both(Core& core, const OurDomain& ours, const std::string& fresh,
                         const char* tag, const std::string& key) {
  const std::string running = TRY(read_xml(core, ours.get(), Config::live));
  const std::string persistent = find_device(ours.xml, tag, key);
  if (find_device(running, tag, key).empty()) {
    TRY(attach(core, ours.get(), persistent.empty() ? fresh : persistent, affect_live));
  }
  if (!persistent.empty()) return ok();
  const std::string now = TRY(read_xml(core, ours.get(), Config::live));
  return attach(core, ours.get(), find_device(now, tag, key), affect_persistent);
}

Result<std::string> free_device(const ParsedDomain& a, const ParsedDomain& b) {
  const auto has = [](const ParsedDomain& domain, const std::string& device) {
    return std::find(domain.devices.begin(), domain.devices.end(), device) != domain.devices.end();
  };
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string device = std::string{"vd"} + letter;
    if (!has(a, device) && !has(b, device)) return device;
  }
  return Error{Errc::invalid, "a guest cannot have more than 26 disks"};
}

Result<void> note_disk(Core& core, const OurDomain& ours, const Disk& disk) {
  Metadata metadata = *ours.parsed.metadata;
  const auto same = [&](const Metadata::DiskNote& note) { return note.name == disk.name; };
  if (std::any_of(metadata.disks.begin(), metadata.disks.end(), same)) return ok();
  metadata.disks.push_back({disk.name, disk.target});
  return write_metadata(core, ours, metadata);
}

Result<void> add_disk(Core& core, const Connection& connection, const Uuid& uuid,
                      const Disk& disk) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const auto live = TRY(read_running(core, connection, ours));
  const std::string device = TRY(free_device(live, ours.parsed));
  const std::string fresh = TRY(render_disk(disk, device, ours.parsed.shape.limits));
  TRY(note_disk(core, ours, disk));
  return attach_both(core, ours, fresh, "disk", serial_of(disk.name));
}

Result<void> add_nic(Core& core, const Connection& connection, const Uuid& uuid, const Nic& nic) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  return attach_both(core, ours, TRY(render_nic(nic)), "interface", nic.mac);
}

Result<void> detach(Core& core, virDomain* domain, const std::string& xml, unsigned affect) {
  core.calls->add(Call::detach_device);
  if (virDomainDetachDeviceFlags(domain, xml.c_str(), affect) != 0) {
    return last_tuning_error(Call::detach_device);
  }
  return ok();
}

Result<void> remove_nic(Core& core, const Connection& connection, const Uuid& uuid,
                        const std::string& mac) {
  const OurDomain ours = TRY(find_running(core, connection, uuid));
  const std::string persistent = find_device(ours.xml, "interface", mac);
  if (!persistent.empty()) {
    TRY(detach(core, ours.get(), persistent, affect_persistent));
  }
  const auto running = [&]() -> std::string {
    const auto xml = read_xml(core, ours.get(), Config::live);
    return xml ? find_device(*xml, "interface", mac) : std::string{"unknown"};
  };
  const std::string live = running();
  if (live.empty()) return ok();
  TRY(detach(core, ours.get(), live, affect_live));
  if (wait_for_guest([&] { return running().empty(); })) return ok();
  // Asked for, and up to the guest: a suspended one answers when it is resumed, one without
  // hot-plug support never. Its next stop settles it; until then nobody waits.
  return Error{Errc::denied, "the guest does not let go of interface " + mac};
}

}  // namespace

Result<void> LibvirtTuning::attach_disk(const Uuid& uuid, const Disk& disk) {
  return core_
      ->change(uuid, [uuid, disk](Core& core,
                                  const Connection& c) { return add_disk(core, c, uuid, disk); })
      .context("attach disk " + disk.name + " to guest " + to_string(uuid));
}

Result<void> LibvirtTuning::attach_nic(const Uuid& uuid, const Nic& nic) {
  return core_
      ->change(uuid,
               [uuid, nic](Core& core, const Connection& c) { return add_nic(core, c, uuid, nic); })
      .context("attach interface " + nic.mac + " to guest " + to_string(uuid));
}

Result<void> LibvirtTuning::detach_nic(const Uuid& uuid, const std::string& mac) {
  return core_
      ->change(uuid, [uuid, mac](Core& core,
                                 const Connection& c) { return remove_nic(core, c, uuid, mac); })
      .context("detach interface " + mac + " from guest " + to_string(uuid));
}

}  // namespace holdfast::libvirt
