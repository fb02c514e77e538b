// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "host/observed.hpp"

// What Holdfast writes into a domain's <metadata>: the marker, and what a domain XML has
// no place for. Format: docs/design/libvirt.md.
namespace holdfast::libvirt {

inline constexpr std::string_view metadata_namespace = "https://holdfast.dev/xmlns/guest/1";
inline constexpr std::string_view metadata_prefix = "holdfast";

// QEMU cuts serials of virtio disks off after 20 characters (VIRTIO_BLK_ID_BYTES).
inline constexpr std::size_t max_serial = 20;

// The serial of the disk called `name`: the name itself, or its start and a hash when too long.
std::string serial_of(std::string_view name);

struct Metadata {
  // Ties a disk's serial in the XML back to its name and its storage target.
  struct DiskNote {
    std::string name{};
    std::string target{};
  };
  host::Marker marker{};
  std::vector<DiskNote> disks{};
  std::optional<std::uint32_t> cpu_shares{};  // as wished; <shares> may hold a weight
};

Metadata metadata_of(const host::GuestDefinition& definition);

// Appends our element to `parent`.
void append_metadata(pugi::xml_node parent, const Metadata& metadata);
// Our element without prefix or namespace: virDomainSetMetadata adds both.
std::string to_xml(const Metadata& metadata);

// Our element among the children of <metadata>, whatever its prefix; null when absent.
pugi::xml_node find_metadata(pugi::xml_node metadata);
// Errc::corrupt for an element that is ours by namespace and cannot be read.
Result<Metadata> parse_metadata(pugi::xml_node element);

}  // namespace holdfast::libvirt
