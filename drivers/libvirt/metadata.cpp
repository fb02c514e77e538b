// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/metadata.hpp"

#include <charconv>
#include <sstream>

#include "base/sha256.hpp"

namespace holdfast::libvirt {
namespace {

std::string_view local_name(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view prefix(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? std::string_view{} : name.substr(0, colon);
}

// Whether `element` declares our namespace for its own prefix. libvirt keeps each
// element of <metadata> with the declaration that it needs.
bool is_ours(pugi::xml_node element) {
  const std::string_view own = prefix(element.name());
  const std::string declaration = own.empty() ? "xmlns" : "xmlns:" + std::string{own};
  return element.attribute(declaration.c_str()).value() == metadata_namespace;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || at != end || text.empty()) return std::nullopt;
  return number;
}

void set(pugi::xml_node element, const char* name, const std::string& value) {
  if (!value.empty()) element.append_attribute(name).set_value(value.c_str());
}

void fill(pugi::xml_node element, const Metadata& metadata, const std::string& qualifier) {
  const host::Marker& marker = metadata.marker;
  set(element, "uuid", to_string(marker.uuid));
  set(element, "incarnation", std::to_string(marker.incarnation.value));
  set(element, "name", marker.name);
  set(element, "hostId", marker.host_id);
  set(element, "provenance", marker.provenance);
  set(element, "image", marker.image);
  set(element, "specDigest", marker.spec_digest);
  set(element, "lastJob", marker.last_job);
  if (metadata.cpu_shares) set(element, "cpuShares", std::to_string(*metadata.cpu_shares));
  for (const auto& note : metadata.disks) {
    auto disk = element.append_child((qualifier + "disk").c_str());
    set(disk, "name", note.name);
    set(disk, "target", note.target);
  }
  for (const host::ExecutedJob& executed : marker.jobs) {
    auto job = element.append_child((qualifier + "job").c_str());
    set(job, "id", executed.id);
    set(job, "expires", holdfast::to_string(executed.expires));
  }
  if (!marker.detail.empty()) {
    element.append_child((qualifier + "detail").c_str()).text().set(marker.detail.c_str());
  }
}

}  // namespace

std::string serial_of(std::string_view name) {
  if (name.size() <= max_serial) return std::string{name};
  return std::string{name.substr(0, max_serial - 9)} + "-" + to_hex(sha256(name)).substr(0, 8);
}

Metadata metadata_of(const host::GuestDefinition& definition) {
  Metadata metadata{definition.marker, {}, definition.shape.limits.cpu_shares};
  for (const auto& disk : definition.shape.disks) {
    metadata.disks.push_back({disk.name, disk.target});
  }
  return metadata;
}

void append_metadata(pugi::xml_node parent, const Metadata& metadata) {
  const std::string name{metadata_prefix};
  auto element = parent.append_child((name + ":guest").c_str());
  element.append_attribute(("xmlns:" + name).c_str())
      .set_value(std::string{metadata_namespace}.c_str());
  fill(element, metadata, name + ":");
}

std::string to_xml(const Metadata& metadata) {
  pugi::xml_document document;
  fill(document.append_child("guest"), metadata, "");
  std::ostringstream out;
  document.first_child().print(out, "", pugi::format_raw);
  return out.str();
}

pugi::xml_node find_metadata(pugi::xml_node metadata) {
  for (const auto element : metadata.children()) {
    if (local_name(element.name()) == "guest" && is_ours(element)) return element;
  }
  return {};
}

Result<Metadata> parse_metadata(pugi::xml_node element) {
  Metadata metadata;
  host::Marker& marker = metadata.marker;
  const auto text = [&](const char* name) { return std::string{element.attribute(name).value()}; };

  const auto uuid = Uuid::parse(text("uuid"));
  const auto incarnation = parse_number<std::uint64_t>(text("incarnation"));
  if (!uuid || !incarnation) {
    return Error{Errc::corrupt, "the marker has no UUID or incarnation that can be read"};
  }
  marker.uuid = *uuid;
  marker.incarnation = Incarnation{*incarnation};
  marker.name = text("name");
  marker.host_id = text("hostId");
  marker.provenance = text("provenance");
  marker.image = text("image");
  marker.spec_digest = text("specDigest");
  marker.last_job = text("lastJob");
  metadata.cpu_shares = parse_number<std::uint32_t>(text("cpuShares"));
  for (const auto child : element.children()) {
    const std::string_view name = local_name(child.name());
    if (name == "disk") {
      metadata.disks.push_back(
          {child.attribute("name").value(), child.attribute("target").value()});
    } else if (name == "job") {
      // One that cannot be read must not be forgotten: it could then be carried out twice.
      const auto expires = parse_time(child.attribute("expires").value());
      if (!expires) return Error{Errc::corrupt, "the marker holds a job that cannot be read"};
      marker.jobs.push_back({child.attribute("id").value(), *expires});
    } else if (name == "detail") {
      marker.detail = child.text().get();
    }
  }
  return metadata;
}

}  // namespace holdfast::libvirt
