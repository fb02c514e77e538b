// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/config_text.hpp"

#include <array>
#include <cstdlib>

#include <openssl/sha.h>

namespace holdfast::standin {
namespace {

using nlohmann::json;

// Comments keep what would not survive in a line.
std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '%' || c == ':' || byte >= 0x7f) {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    } else {
      out += c;
    }
  }
  return out;
}

std::string comment_of(const std::string& description) {
  std::string text;
  std::size_t at = 0;
  while (at < description.size()) {
    const auto end = std::min(description.find('\n', at), description.size());
    text += "#" + encoded(std::string_view{description}.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

std::string lines_of(const Config& config) {
  std::string text;
  if (const auto found = config.find("description"); found != config.end())
    text += comment_of(found->second);
  for (const auto& [key, value] : config)
    if (key != "description") text += key + ": " + value + "\n";
  return text;
}

const EndpointFacts& options_of(Version version, GuestKind kind) {
  static std::map<std::pair<Version, GuestKind>, const EndpointFacts*> known;
  auto& facts = known[{version, kind}];
  if (facts == nullptr) {
    Parameters ignored;
    const std::string path = "/nodes/n/" + std::string{to_string(kind)} + "/100/config";
    facts = &ApiTable::committed().find("PUT", path, ignored)->in(version);
  }
  return *facts;
}

}  // namespace

std::string text_of(GuestKind, const Config& config, const std::vector<std::string>& raw_lxc) {
  std::string text = lines_of(config);
  for (const auto& line : raw_lxc) text += line + "\n";
  return text;
}

std::string text_of(const Guest& guest) {
  Config config = guest.config;
  if (!guest.parent.empty()) config["parent"] = guest.parent;
  std::string text = text_of(guest.kind, config, guest.raw_lxc);
  if (!guest.pending.empty() || !guest.pending_delete.empty()) {
    text += guest.kind == GuestKind::lxc ? "\n[pve:pending]\n" : "\n[PENDING]\n";
    if (!guest.pending_delete.empty()) {
      text += "delete: ";
      for (const auto& key : guest.pending_delete) text += key + ",";
      text += "\n";
    }
    text += lines_of(guest.pending);
  }
  for (const auto& [name, snapshot] : guest.snapshots) {
    text += "\n[" + name + "]\n" + comment_of(snapshot.description) + lines_of(snapshot.config);
    if (!snapshot.parent.empty()) text += "parent: " + snapshot.parent + "\n";
    text += "snaptime: " + std::to_string(snapshot.time) + "\n";
  }
  return text;
}

std::string digest_of(const Guest& guest) {
  const std::string text = text_of(guest);
  std::array<unsigned char, SHA_DIGEST_LENGTH> hash{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const auto byte : hash) {
    hex += digits[byte >> 4];
    hex += digits[byte & 0xf];
  }
  return hex;
}

json to_json(Version version, GuestKind kind, const std::string& key, const std::string& value) {
  // Reading the comment back leaves its last line's end.
  if (key == "description" && kind == GuestKind::lxc)
    return value.empty() || value.ends_with('\n') ? value : value + "\n";
  const json* facts = find_parameter(options_of(version, kind), key);
  const std::string type = facts == nullptr ? "string" : facts->value("type", "string");
  if (type == "integer" || type == "boolean") return std::atoll(value.c_str());
  if (type == "number") {
    const double number = std::atof(value.c_str());
    if (number == static_cast<double>(static_cast<std::int64_t>(number)))
      return static_cast<std::int64_t>(number);
    return number;
  }
  return value;
}

json to_json(Version version, GuestKind kind, const Config& config) {
  json shown = json::object();
  for (const auto& [key, value] : config) shown[key] = to_json(version, kind, key, value);
  return shown;
}

const json* format_of(Version version, GuestKind kind, const std::string& key) {
  const json* facts = find_parameter(options_of(version, kind), key);
  if (facts == nullptr || !facts->contains("format") || !(*facts)["format"].is_object())
    return nullptr;
  return &(*facts)["format"];
}

Properties parts_of(Version version, GuestKind kind, const std::string& key,
                    const std::string& value) {
  const json* format = format_of(version, kind, key);
  if (format == nullptr) return {};
  std::optional<std::string> fault;
  return split_properties(*format, value, fault);
}

std::string joined(Version version, GuestKind kind, const std::string& key,
                   const Properties& parts) {
  const json* format = format_of(version, kind, key);
  std::string model;
  std::array<std::string, 3> text{};
  for (const auto& [name, value] : parts) {
    const json facts = format == nullptr ? json::object() : format->value(name, json::object());
    // "virtio=MAC": the alias's key and what it stands for.
    if (name == "model" && kind == GuestKind::qemu && parts.contains("macaddr")) continue;
    if (name == "macaddr" && kind == GuestKind::qemu) {
      text[0] = parts.at("model") + "=" + value + ",";
      continue;
    }
    if (facts.contains("default_key"))
      text[0] = value + ",";
    else
      text[facts.contains("optional") ? 2 : 1] += name + "=" + value + ",";
  }
  std::string all = text[0] + text[1] + text[2];
  if (!all.empty()) all.pop_back();
  return all;
}

bool is_disk(GuestKind kind, const std::string& key) {
  if (kind == GuestKind::lxc) return matches("rootfs|mp\\d+", key);
  return matches("(?:ide|sata|scsi|virtio)\\d+|efidisk0|tpmstate0", key);
}
bool is_unused(const std::string& key) { return matches("unused\\d+", key); }
bool is_nic(const std::string& key) { return matches("net\\d+", key); }

std::string volume_of(const std::string& value) {
  std::string first = value.substr(0, value.find(','));
  for (const std::string_view key : {"volume=", "file="})
    if (first.starts_with(key)) return first.substr(key.size());
  return first;
}

std::string mount_type(const std::string& volume) {
  if (volume.starts_with("/dev/")) return "device";
  return volume.starts_with("/") ? "bind" : "volume";
}

std::uint64_t parse_size(const std::string& text) {
  constexpr std::string_view units = "KMGT";
  double value = std::atof(text.c_str());
  const auto unit = text.empty() ? std::string_view::npos : units.find(text.back());
  if (unit != std::string_view::npos)
    for (std::size_t step = 0; step <= unit; ++step) value *= 1024;
  return static_cast<std::uint64_t>(value);
}

std::string print_size(std::uint64_t bytes) {
  constexpr std::string_view units = "KMGT";
  if (bytes == 0) return "0T";
  std::string unit;
  for (std::size_t step = 0; step < units.size() && bytes % 1024 == 0; ++step) {
    bytes /= 1024;
    unit = units[step];
  }
  return std::to_string(bytes) + unit;
}

}  // namespace holdfast::standin
