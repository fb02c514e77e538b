// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "host/observed.hpp"

// The marker as it stands in a guest's description. Pure.
namespace holdfast::proxmox {

struct MarkerText {
  host::Marker marker{};
  // For which VMID it was written. A clone, or a backup restored elsewhere, carries the
  // original's marker under a VMID of its own: it is not the guest that the marker names.
  int vmid = 0;
};

// Nothing: there is none. Errc::corrupt: there is something, and it cannot be read.
Result<std::optional<MarkerText>> read_marker(std::string_view description);

// `description` with the marker in it, in place of one that is there; a person's own words
// around it stay. It is a comment in Markdown, which the web interface does not show.
// Errc::exhausted: more than the 8192 characters that Proxmox keeps.
Result<std::string> with_marker(std::string_view description, const MarkerText& marker);

}  // namespace holdfast::proxmox
