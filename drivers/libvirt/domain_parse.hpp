// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/libvirt/metadata.hpp"
#include "drivers/libvirt/platform.hpp"
#include "host/observed.hpp"

namespace holdfast::libvirt {

// A domain XML, live or persistent, as far as it can be said in our words. Disk sizes are
// not in it and stay 0.
struct ParsedDomain {
  Uuid uuid{};
  std::string name{};
  std::optional<Metadata> metadata{};  // absent: foreign
  host::Shape shape{};
  std::vector<std::string> devices{};  // "vda", ...: one for each of shape.disks
  std::string kernel{};
  std::string initrd{};
  std::string cmdline{};
  std::string problem{};  // what could not be read or said, for people
};

// Total: whatever libvirt says about whichever domain yields a value, at worst with a
// `problem`. Pure.
ParsedDomain parse_domain(std::string_view xml, const Platform& platform);

// The snapshot's record (virDomainSnapshotGetXMLDesc).
struct ParsedSnapshot {
  std::string name{};
  std::string parent{};
  std::string description{};
  Time created{};
  std::string domain{};                 // the <domain> as it was, to be defined again
  ParsedDomain at{};                    // the same, read: the frozen sources
  std::vector<std::string> overlays{};  // made by it, one for each of at.devices, or ""
};
Result<ParsedSnapshot> parse_snapshot(std::string_view xml, const Platform& platform);

// The element of `tag` ("disk", "interface") in a domain XML whose serial or MAC is `key`,
// without what libvirt fills in for a running guest. Empty when there is none.
std::string find_device(std::string_view domain, std::string_view tag, std::string_view key);

}  // namespace holdfast::libvirt
