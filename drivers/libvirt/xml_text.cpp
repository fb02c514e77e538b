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

struct ByteRange {
  std::uint8_t least;
  std::uint8_t most;
  bool contains(std::uint8_t byte) const { return byte >= least && byte <= most; }
};
constexpr ByteRange continuation{0x80, 0xBF};

// The well-formed sequences by their first byte (RFC 3629, section 4).
struct SequenceForm {
  ByteRange first;
  ByteRange second;
  std::size_t length;
};
constexpr std::array sequence_forms{
    SequenceForm{{0x00, 0x7F}, {}, 1},           SequenceForm{{0xC2, 0xDF}, continuation, 2},
    SequenceForm{{0xE0, 0xE0}, {0xA0, 0xBF}, 3}, SequenceForm{{0xE1, 0xEC}, continuation, 3},
    SequenceForm{{0xED, 0xED}, {0x80, 0x9F}, 3}, SequenceForm{{0xEE, 0xEF}, continuation, 3},
    SequenceForm{{0xF0, 0xF0}, {0x90, 0xBF}, 4}, SequenceForm{{0xF1, 0xF3}, continuation, 4},
    SequenceForm{{0xF4, 0xF4}, {0x80, 0x8F}, 4}};

// How many bytes the UTF-8 sequence at the start of `text` has; 0 when there is none
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto form =
      std::find_if(sequence_forms.begin(), sequence_forms.end(),
                   [&](const SequenceForm& known) { return known.first.contains(byte(0)); });
  if (form == sequence_forms.end() || text.size() < form->length) return 0;
  if (form->length == 1) return 1;
  if (!form->second.contains(byte(1))) return 0;
  for (std::size_t i = 2; i < form->length; ++i)
    if (!continuation.contains(byte(i))) return 0;
  const bool is_noncharacter = byte(0) == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE;
  return is_noncharacter ? 0 : form->length;  // U+FFFE, U+FFFF
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
