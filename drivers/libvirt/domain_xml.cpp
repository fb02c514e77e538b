// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/domain_xml.hpp"

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>
#include <vector>

#include "drivers/libvirt/xml_text.hpp"

namespace holdfast::libvirt {
namespace {

using host::Disk;
using host::GuestDefinition;
using host::Nic;
using pugi::xml_node;

// Live growth needs places that were there at boot.
constexpr unsigned cpus_to_grow_to = 16;
constexpr unsigned free_root_ports = 12;
constexpr const char* seed_device = "sda";

xml_node child(xml_node parent, const char* name) {
  const xml_node found = parent.child(name);
  return found ? found : parent.append_child(name);
}

void set(xml_node node, const char* attribute, const std::string& value) {
  auto found = node.attribute(attribute);
  if (!found) found = node.append_attribute(attribute);
  found.set_value(value.c_str());
}

void set_text(xml_node parent, const char* name, const std::string& text) {
  if (text.empty()) {
    parent.remove_child(name);
  } else {
    child(parent, name).text().set(text.c_str());
  }
}

void set_memory(xml_node domain, Bytes memory) {
  const std::string kib = std::to_string((memory.value + 1023) / 1024);
  for (const char* name : {"memory", "currentMemory"}) {
    const xml_node node = child(domain, name);
    set(node, "unit", "KiB");
    node.text().set(kib.c_str());
  }
}

void set_cpus(xml_node domain, unsigned cpus, const Platform& platform) {
  const unsigned room = std::min({platform.host_cpus, cpus_to_grow_to, platform.max_cpus});
  const xml_node vcpu = child(domain, "vcpu");
  set(vcpu, "placement", "static");
  set(vcpu, "current", std::to_string(cpus));
  vcpu.text().set(std::max(cpus, room));
  domain.remove_child("vcpus");  // the per-CPU form of the same, which would contradict it
}

void set_shares(xml_node domain, const Limits& limits, const Platform& platform) {
  if (limits.cpu_shares) {
    const unsigned weight = scheduler_weight(*limits.cpu_shares, platform);
    child(child(domain, "cputune"), "shares").text().set(weight);
    return;
  }
  xml_node cputune = domain.child("cputune");
  cputune.remove_child("shares");
  if (cputune && !cputune.first_child()) domain.remove_child(cputune);
}

void set_metadata(xml_node domain, const GuestDefinition& definition) {
  xml_node metadata = child(domain, "metadata");
  while (const xml_node old = find_metadata(metadata)) metadata.remove_child(old);
  append_metadata(metadata, metadata_of(definition));
}

void set_boot(xml_node domain, const GuestDefinition& definition) {
  xml_node os = child(domain, "os");
  set_text(os, "kernel", definition.kernel);
  set_text(os, "initrd", definition.initrd);
  set_text(os, "cmdline", definition.cmdline);
}

void set_throttle(xml_node disk, const Limits& limits) {
  disk.remove_child("iotune");
  if (!limits.io_read_bps && !limits.io_write_bps) return;
  xml_node iotune = disk.append_child("iotune");
  if (limits.io_read_bps) {
    set_text(iotune, "read_bytes_sec", std::to_string(limits.io_read_bps->value));
  }
  if (limits.io_write_bps) {
    set_text(iotune, "write_bytes_sec", std::to_string(limits.io_write_bps->value));
  }
  set_text(iotune, "group_name", std::string{throttle_group});
}

void set_source(xml_node disk, const std::string& path, const std::string& format) {
  set(disk, "type", "file");
  disk.remove_child("source");
  disk.remove_child("backingStore");  // of the former source
  set(disk.append_child("source"), "file", path);
  const xml_node driver = child(disk, "driver");
  set(driver, "name", "qemu");
  set(driver, "type", format);
}

bool is_disk(xml_node node) {
  return std::string_view{node.name()} == "disk" &&
         std::string_view{node.attribute("device").as_string("disk")} == "disk";
}

bool is_cdrom(xml_node node) {
  return std::string_view{node.name()} == "disk" &&
         std::string_view{node.attribute("device").value()} == "cdrom";
}

std::string device_of(xml_node disk) { return disk.child("target").attribute("dev").value(); }

// vda ... vdz: more disks than a PC has slots for.
Result<std::string> free_device(xml_node devices) {
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string device = std::string{"vd"} + letter;
    const auto taken = devices.find_child([&](xml_node node) {
      return std::string_view{node.name()} == "disk" && device_of(node) == device;
    });
    if (!taken) return device;
  }
  return Error{Errc::invalid, "a guest cannot have more than 26 disks"};
}

void append_disk(xml_node devices, const Disk& disk, const std::string& device,
                 const Limits& limits) {
  xml_node node = devices.append_child("disk");
  set(node, "type", "file");
  set(node, "device", "disk");
  set_source(node, disk.path, disk.format);
  // Write-back with the guest's own flushes honoured (QEMU's default): works on every file
  // system, where cache='none' needs O_DIRECT. Freed blocks return to the sparse file.
  set(node.child("driver"), "discard", "unmap");
  const xml_node target = node.append_child("target");
  set(target, "dev", device);
  set(target, "bus", "virtio");
  set_throttle(node, limits);
  set_text(node, "serial", serial_of(disk.name));
}

Result<void> set_disks(xml_node devices, const GuestDefinition& definition) {
  const auto& wanted = definition.shape.disks;
  const Limits& limits = definition.shape.limits;
  std::vector<xml_node> dropped;
  for (const xml_node node : devices.children("disk")) {
    if (!is_disk(node)) continue;
    const std::string serial = node.child_value("serial");
    const auto same = [&](const Disk& disk) { return serial_of(disk.name) == serial; };
    if (std::none_of(wanted.begin(), wanted.end(), same)) dropped.push_back(node);
  }
  for (const xml_node node : dropped) devices.remove_child(node);

  for (const Disk& disk : wanted) {
    const auto there = devices.find_child([&](xml_node node) {
      return is_disk(node) && serial_of(disk.name) == node.child_value("serial");
    });
    if (there) {
      set_source(there, disk.path, disk.format);
      set_throttle(there, limits);
    } else {
      append_disk(devices, disk, TRY(free_device(devices)), limits);
    }
  }
  return ok();
}

// Debian's cloud kernel knows virtio-scsi and no AHCI, so the CD-ROM is a SCSI one.
void set_seed(xml_node devices, const std::string& path) {
  xml_node seed = devices.find_child([](xml_node node) { return is_cdrom(node); });
  if (path.empty()) {
    if (seed) devices.remove_child(seed);
    return;
  }
  if (!seed) {
    seed = devices.append_child("disk");
    set(seed, "type", "file");
    set(seed, "device", "cdrom");
    const xml_node target = seed.append_child("target");
    set(target, "dev", seed_device);
    set(target, "bus", "scsi");
    seed.append_child("readonly");
  }
  set_source(seed, path, "raw");
}

// libvirt's word for it, as type and as the attribute of <source>.
const char* word_for(Interface::Kind kind) {
  switch (kind) {
    case Interface::Kind::bridge: return "bridge";
    case Interface::Kind::network: return "network";
    case Interface::Kind::user: return "user";
  }
  return "user";
}

void fill_nic(xml_node node, const Nic& nic) {
  set(node, "type", word_for(nic.kind));
  set(child(node, "mac"), "address", nic.mac);
  node.remove_child("source");
  if (nic.kind != Interface::Kind::user) {
    set(node.append_child("source"), word_for(nic.kind), nic.source);
  }
  set(child(node, "model"), "type", nic.model);
  set(child(node, "rom"), "enabled", "no");  // nothing boots from the network; starts faster
}

void set_nics(xml_node devices, const std::vector<Nic>& wanted) {
  std::vector<xml_node> dropped;
  for (const xml_node node : devices.children("interface")) {
    const std::string mac = node.child("mac").attribute("address").value();
    const auto same = [&](const Nic& nic) { return lower_case(nic.mac) == lower_case(mac); };
    if (std::none_of(wanted.begin(), wanted.end(), same)) dropped.push_back(node);
  }
  for (const xml_node node : dropped) devices.remove_child(node);

  for (const Nic& nic : wanted) {
    xml_node there = devices.find_child([&](xml_node node) {
      return std::string_view{node.name()} == "interface" &&
             lower_case(node.child("mac").attribute("address").value()) == lower_case(nic.mac);
    });
    fill_nic(there ? there : devices.append_child("interface"), nic);
  }
}

// The parts that a definition speaks of, on a new or an existing domain alike.
Result<void> apply(xml_node domain, const GuestDefinition& definition, const Platform& platform) {
  set_metadata(domain, definition);
  set_memory(domain, definition.shape.memory);
  set_cpus(domain, definition.shape.cpus, platform);
  set_shares(domain, definition.shape.limits, platform);
  set_boot(domain, definition);
  xml_node devices = child(domain, "devices");
  TRY(set_disks(devices, definition));
  set_seed(devices, definition.shape.seed_path);
  set_nics(devices, definition.shape.nics);
  return ok();
}

void append_controllers(xml_node devices, const Platform& platform) {
  const auto append = [&](const char* type, const char* model, unsigned index) {
    const xml_node controller = devices.append_child("controller");
    set(controller, "type", type);
    set(controller, "index", std::to_string(index));
    set(controller, "model", model);
  };
  append("usb", "none", 0);
  append("scsi", "virtio-scsi", 0);
  if (platform.machine != "q35") return;
  append("pci", "pcie-root", 0);
  for (unsigned i = 1; i <= free_root_ports; ++i) append("pci", "pcie-root-port", i);
}

void append_console(xml_node devices, const Uuid& uuid, const Platform& platform) {
  xml_node serial = devices.append_child("serial");
  set(serial, "type", "pty");
  if (platform.console_dir.empty()) return;
  const xml_node log = serial.append_child("log");
  set(log, "file", platform.console_dir + "/" + to_string(uuid) + ".log");
  set(log, "append", "on");
}

// What every guest gets and no definition speaks of.
void append_hardware(xml_node domain, const Uuid& uuid, const Platform& platform) {
  if (platform.is_qemu()) {
    xml_node features = domain.append_child("features");
    features.append_child("acpi");  // without it no request to stop is heard
    if (platform.arch == "x86_64") features.append_child("apic");
    const xml_node cpu = domain.append_child("cpu");
    set(cpu, "mode", platform.domain_type == "kvm" ? "host-passthrough" : "maximum");
    set(cpu, "check", "none");
  }
  set(domain.append_child("clock"), "offset", "utc");
  set_text(domain, "on_poweroff", "destroy");
  set_text(domain, "on_reboot", "restart");
  set_text(domain, "on_crash", "destroy");  // a restart is the controller's, with its backoff

  xml_node devices = domain.append_child("devices");
  if (!platform.emulator.empty()) set_text(devices, "emulator", platform.emulator);
  if (platform.is_qemu()) {
    append_controllers(devices, platform);
    append_console(devices, uuid, platform);
    xml_node rng = devices.append_child("rng");
    set(rng, "model", "virtio");
    set(rng.append_child("backend"), "model", "random");
    rng.child("backend").text().set("/dev/urandom");
  }
  set(devices.append_child("memballoon"), "model", "virtio");
}

}  // namespace

Result<std::string> render_domain(const GuestDefinition& definition, const Platform& platform) {
  TRY(check_definition(definition));
  pugi::xml_document document;
  xml_node domain = document.append_child("domain");
  set(domain, "type", platform.domain_type);
  set_text(domain, "name", definition.name);
  set_text(domain, "uuid", to_string(definition.marker.uuid));
  domain.append_child("metadata");
  xml_node type = child(child(domain, "os"), "type");
  set(type, "arch", platform.arch);
  if (!platform.machine.empty()) set(type, "machine", platform.machine);
  type.text().set("hvm");
  append_hardware(domain, definition.marker.uuid, platform);
  TRY(apply(domain, definition, platform));
  return to_text(domain);
}

Result<std::string> amend_domain(std::string_view existing, const GuestDefinition& definition,
                                 const Platform& platform) {
  TRY(check_definition(definition));
  pugi::xml_document document;
  TRY(load_domain(document, existing));
  xml_node domain = document.child("domain");
  TRY(apply(domain, definition, platform));
  return to_text(domain);
}

Result<std::string> adopt_domain(std::string_view existing, const GuestDefinition& definition) {
  TRY(check_definition(definition));
  pugi::xml_document document;
  TRY(load_domain(document, existing));
  xml_node domain = document.child("domain");
  const auto refuse = [](const std::string& why) {
    return Error{Errc::invalid, "it cannot be adopted: " + why};
  };
  if (domain.child("os").child("kernel")) return refuse("it boots a kernel of the host's directly");
  for (xml_node node : domain.child("devices").children("disk")) {
    if (!is_disk(node)) continue;
    const std::string path = node.child("source").attribute("file").value();
    if (std::string_view{node.attribute("type").value()} != "file" || path.empty())
      return refuse("disk " + device_of(node) + " is no file");
    const auto& disks = definition.shape.disks;
    const auto named = std::find_if(disks.begin(), disks.end(),
                                    [&](const Disk& disk) { return disk.path == path; });
    if (named == disks.end()) return refuse("disk " + path + " has no name");
    set_text(node, "serial", serial_of(named->name));
  }
  set_metadata(domain, definition);
  return to_text(domain);
}

Result<std::string> render_disk(const Disk& disk, const std::string& device, const Limits& limits) {
  TRY(check_disk(disk));
  pugi::xml_document document;
  append_disk(document.root(), disk, device, limits);
  return to_text(document.first_child());
}

Result<std::string> render_nic(const Nic& nic) {
  TRY(check_nic(nic));
  pugi::xml_document document;
  fill_nic(document.append_child("interface"), nic);
  return to_text(document.first_child());
}

Result<std::string> replace_sources(std::string_view domain,
                                    const std::vector<DiskSource>& sources) {
  pugi::xml_document document;
  TRY(load_domain(document, domain));
  xml_node devices = document.child("domain").child("devices");
  for (const DiskSource& source : sources) {
    TRY(check_text("disk path", source.path));
    const auto disk = devices.find_child(
        [&](xml_node node) { return is_disk(node) && device_of(node) == source.device; });
    if (!disk) return Error{Errc::conflict, "the guest has no disk " + source.device};
    set_source(disk, source.path, source.format);
  }
  return to_text(document.child("domain"));
}

}  // namespace holdfast::libvirt
