// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/xml_text.hpp"

#include <algorithm>
#include <cstdint>
#include <sstream>

namespace holdfast::libvirt {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// How many bytes the UTF-8 sequence at the start of `text` has; 0 when there is none
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const std::uint8_t second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  if (first == 0xEF && second == 0xBF && byte(2) >= 0xBE) return 0;  // U+FFFE, U+FFFF
  return length;
}

bool is_xml_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    if (byte < 0x20 && byte != '\t' && byte != '\n') return false;
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

Error refused(std::string_view what, std::string_view why) {
  return Error{Errc::invalid, std::string{what} + " " + std::string{why}};
}

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (i % 3 == 2 ? c != ':' : !hex) return false;
  }
  return true;
}

Result<void> check_path(std::string_view what, std::string_view path) {
  if (path.empty() || path.front() != '/') return refused(what, "is not an absolute path");
  return check_text(what, path);
}

Result<void> check_boot(const host::GuestDefinition& definition) {
  if (!definition.kernel.empty()) TRY(check_path("kernel", definition.kernel));
  if (!definition.initrd.empty()) TRY(check_path("initrd", definition.initrd));
  return check_text("cmdline", definition.cmdline);
}

Result<void> check_marker(const host::Marker& marker) {
  if (marker.uuid.is_nil()) return refused("marker", "has no UUID");
  for (const std::string* text : {&marker.name, &marker.host_id, &marker.provenance, &marker.image,
                                  &marker.spec_digest, &marker.last_job, &marker.detail}) {
    TRY(check_text("marker", *text));
  }
  for (const host::ExecutedJob& job : marker.jobs) TRY(check_text("marker", job.id));
  return ok();
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower{text};
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

Result<void> check_text(std::string_view what, std::string_view text) {
  if (!is_xml_text(text)) return refused(what, "holds bytes that XML cannot carry");
  return ok();
}

Result<void> check_disk(const host::Disk& disk) {
  if (disk.name.empty() || !std::all_of(disk.name.begin(), disk.name.end(), is_plain)) {
    return refused("disk name", "must be letters, digits, '-', '_' or '.'");
  }
  if (disk.format != "raw" && disk.format != "qcow2") {
    return refused("format of disk " + disk.name, "must be raw or qcow2");
  }
  TRY(check_text("storage target", disk.target));
  return check_path("path of disk " + disk.name, disk.path);
}

Result<void> check_nic(const host::Nic& nic) {
  if (!is_mac(nic.mac)) return refused("MAC address '" + nic.mac + "'", "is none");
  if (nic.kind != Interface::Kind::user && nic.source.empty()) {
    return refused("interface " + nic.mac, "names no bridge or network");
  }
  TRY(check_text("interface model", nic.model));
  return check_text("interface source", nic.source);
}

Result<void> check_definition(const host::GuestDefinition& definition) {
  if (definition.name.empty() ||
      !std::all_of(definition.name.begin(), definition.name.end(), is_plain)) {
    return refused("guest name", "must be letters, digits, '-', '_' or '.'");
  }
  if (definition.shape.cpus == 0) return refused("guest", "must have a CPU");
  if (definition.shape.memory.value == 0) return refused("guest", "must have memory");
  TRY(check_marker(definition.marker));
  for (const auto& disk : definition.shape.disks) TRY(check_disk(disk));
  for (const auto& nic : definition.shape.nics) TRY(check_nic(nic));
  if (!definition.shape.seed_path.empty()) TRY(check_path("seed", definition.shape.seed_path));
  return check_boot(definition);
}

Result<void> load_domain(pugi::xml_document& document, std::string_view xml) {
  if (xml.size() > max_domain_xml) return refused("domain XML", "is larger than 1 MiB");
  const auto parsed =
      document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!parsed)
    return refused("domain XML", "is not well formed: " + std::string{parsed.description()});
  if (!document.child("domain")) return refused("domain XML", "has no <domain>");
  return ok();
}

std::string to_text(pugi::xml_node node) {
  std::ostringstream out;
  node.print(out, "  ");
  return out.str();
}

}  // namespace holdfast::libvirt
