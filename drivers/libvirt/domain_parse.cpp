// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/domain_parse.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <pugixml.hpp>

#include "drivers/libvirt/xml_text.hpp"

namespace holdfast::libvirt {
namespace {

using host::Disk;
using host::Nic;
using pugi::xml_node;

// More than any PC holds; a domain with more is not read further.
constexpr std::size_t max_devices = 256;

void complain(ParsedDomain& parsed, std::string_view what) {
  if (!parsed.problem.empty()) parsed.problem += "; ";
  parsed.problem += what;
}

// https://libvirt.org/formatdomain.html#memory-allocation: KiB unless said otherwise.
Bytes parse_memory(xml_node node) {
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  constexpr std::array<Unit, 10> units{{{"b", 1},
                                        {"bytes", 1},
                                        {"KB", 1000},
                                        {"k", 1024},
                                        {"KiB", 1024},
                                        {"MB", 1000 * 1000},
                                        {"M", 1U << 20U},
                                        {"MiB", 1U << 20U},
                                        {"G", 1U << 30U},
                                        {"GiB", 1U << 30U}}};
  const std::string_view wanted = node.attribute("unit").as_string("KiB");
  const auto* const unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == wanted; });
  const std::uint64_t count = node.text().as_ullong();
  if (unit == units.end() || count > UINT64_MAX / unit->bytes) return Bytes{};
  return Bytes{count * unit->bytes};
}

void parse_cpus(ParsedDomain& parsed, xml_node domain) {
  const xml_node vcpu = domain.child("vcpu");
  const unsigned most = vcpu.text().as_uint(1);
  parsed.shape.cpus = std::max(1U, vcpu.attribute("current").as_uint(most));
}

void parse_limits(ParsedDomain& parsed, xml_node domain, const Platform& platform) {
  const xml_node shares = domain.child("cputune").child("shares");
  if (!shares) return;
  const auto number = shares.text().as_uint();
  // What was wished, where the number in the XML is what the wish comes to on this host.
  const auto wish = parsed.metadata ? parsed.metadata->cpu_shares : std::nullopt;
  const bool as_wished = wish && scheduler_weight(*wish, platform) == number;
  parsed.shape.limits.cpu_shares = as_wished ? *wish : number;
}

void parse_throttle(ParsedDomain& parsed, xml_node disk) {
  const xml_node iotune = disk.child("iotune");
  const auto read = [&](const char* name) -> std::optional<Bytes> {
    const std::uint64_t value = iotune.child(name).text().as_ullong();
    return value > 0 ? std::optional{Bytes{value}} : std::nullopt;
  };
  const auto read_bps = read("read_bytes_sec");
  const auto write_bps = read("write_bytes_sec");
  Limits& limits = parsed.shape.limits;
  if (parsed.shape.disks.empty()) {
    limits.io_read_bps = read_bps;
    limits.io_write_bps = write_bps;
  } else if (limits.io_read_bps != read_bps || limits.io_write_bps != write_bps) {
    // One limit over all disks is all we can say: show the looser, so that it differs from
    // what is wanted and is set again.
    if (!read_bps) limits.io_read_bps.reset();
    if (!write_bps) limits.io_write_bps.reset();
  }
}

std::string source_of(xml_node disk) {
  const xml_node source = disk.child("source");
  for (const char* name : {"file", "dev", "dir", "volume", "name"}) {
    std::string value = source.attribute(name).value();
    if (!value.empty()) return value;
  }
  return {};
}

void parse_disk(ParsedDomain& parsed, xml_node node) {
  const std::string device = node.child("target").attribute("dev").value();
  const std::string serial = node.child_value("serial");
  Disk disk;
  disk.name = serial.empty() ? device : serial;
  if (parsed.metadata) {
    for (const auto& note : parsed.metadata->disks) {
      if (serial_of(note.name) != serial) continue;
      disk.name = note.name;
      disk.target = note.target;
    }
  }
  disk.path = source_of(node);
  disk.format = node.child("driver").attribute("type").as_string("raw");
  if (disk.path.empty()) complain(parsed, "disk " + device + " has no source that can be named");
  parse_throttle(parsed, node);
  parsed.shape.disks.push_back(std::move(disk));
  parsed.devices.push_back(device);
}

void parse_nic(ParsedDomain& parsed, xml_node node) {
  Nic nic;
  nic.mac = lower_case(node.child("mac").attribute("address").value());
  nic.model = node.child("model").attribute("type").value();
  const xml_node source = node.child("source");
  const std::string_view type = node.attribute("type").value();
  if (type == "bridge") {
    nic.kind = Interface::Kind::bridge;
    nic.source = source.attribute("bridge").value();
  } else if (type == "network") {
    nic.kind = Interface::Kind::network;
    nic.source = source.attribute("network").value();
  } else if (type != "user") {
    complain(parsed, "interface " + nic.mac + " is of type " + std::string{type} +
                         ", which Holdfast does not know");
  }
  parsed.shape.nics.push_back(std::move(nic));
}

void parse_devices(ParsedDomain& parsed, xml_node devices) {
  std::size_t count = 0;
  for (const xml_node node : devices.children()) {
    const std::string_view tag = node.name();
    if (tag != "disk" && tag != "interface") continue;
    if (++count > max_devices) return complain(parsed, "it has more than 256 disks and interfaces");
    if (tag == "interface") {
      parse_nic(parsed, node);
      continue;
    }
    const std::string_view kind = node.attribute("device").as_string("disk");
    if (kind == "disk" || kind == "lun") {
      parse_disk(parsed, node);
    } else if (kind == "cdrom" && parsed.shape.seed_path.empty()) {
      parsed.shape.seed_path = source_of(node);
    }
  }
}

void parse_marker(ParsedDomain& parsed, xml_node domain) {
  const xml_node element = find_metadata(domain.child("metadata"));
  if (!element) return;
  auto metadata = parse_metadata(element);
  if (!metadata) return complain(parsed, metadata.error().message());
  parsed.metadata = std::move(*metadata);
}

ParsedDomain parse_node(xml_node domain, const Platform& platform) {
  ParsedDomain parsed;
  parsed.name = domain.child_value("name");
  if (const auto uuid = Uuid::parse(domain.child_value("uuid"))) {
    parsed.uuid = *uuid;
  } else {
    complain(parsed, "its UUID cannot be read");
  }
  parse_marker(parsed, domain);
  parse_cpus(parsed, domain);
  const xml_node current = domain.child("currentMemory");
  parsed.shape.memory = parse_memory(current ? current : domain.child("memory"));
  parse_limits(parsed, domain, platform);
  const xml_node os = domain.child("os");
  parsed.kernel = os.child_value("kernel");
  parsed.initrd = os.child_value("initrd");
  parsed.cmdline = os.child_value("cmdline");
  parse_devices(parsed, domain.child("devices"));
  return parsed;
}

}  // namespace

ParsedDomain parse_domain(std::string_view xml, const Platform& platform) {
  pugi::xml_document document;
  if (const auto loaded = load_domain(document, xml); !loaded) {
    ParsedDomain parsed;
    parsed.problem = loaded.error().message();
    return parsed;
  }
  return parse_node(document.child("domain"), platform);
}

Result<ParsedSnapshot> parse_snapshot(std::string_view xml, const Platform& platform) {
  if (xml.size() > max_domain_xml) return Error{Errc::corrupt, "snapshot XML larger than 1 MiB"};
  pugi::xml_document document;
  const auto loaded = document.load_buffer(xml.data(), xml.size());
  const xml_node root = document.child("domainsnapshot");
  if (!loaded || !root) return Error{Errc::corrupt, "not a <domainsnapshot> document"};

  ParsedSnapshot parsed;
  parsed.name = root.child_value("name");
  parsed.parent = root.child("parent").child_value("name");
  parsed.description = root.child_value("description");
  parsed.created = Time{std::chrono::seconds{root.child("creationTime").text().as_llong()}};
  // Of a running guest libvirt keeps both; the persistent one is what a start needs.
  xml_node domain = root.child("inactiveDomain");
  if (!domain) domain = root.child("domain");
  if (domain) {
    pugi::xml_document whole;
    xml_node copy = whole.append_copy(domain);
    copy.set_name("domain");
    parsed.domain = to_text(copy);
    parsed.at = parse_node(copy, platform);
  }
  for (const std::string& device : parsed.at.devices) {
    const xml_node disk = root.child("disks").find_child([&](xml_node node) {
      return node.attribute("name").value() == device &&
             std::string_view{node.attribute("snapshot").value()} == "external";
    });
    parsed.overlays.emplace_back(disk.child("source").attribute("file").value());
  }
  return parsed;
}

std::string find_device(std::string_view domain, std::string_view tag, std::string_view key) {
  pugi::xml_document document;
  if (!load_domain(document, domain)) return {};
  for (xml_node node : document.child("domain").child("devices").children()) {
    if (node.name() != tag) continue;
    const std::string mac = lower_case(node.child("mac").attribute("address").value());
    if (key.empty() || (mac != lower_case(key) && node.child_value("serial") != key)) continue;
    node.remove_child("alias");
    node.remove_child("backingStore");
    if (tag == "interface") node.remove_child("target");  // the tap device of this run
    return to_text(node);
  }
  return {};
}

}  // namespace holdfast::libvirt
