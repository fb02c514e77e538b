// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/quantity.hpp"

// Proxmox's values that hold several: "local:300/vm-300-disk-0.raw,mp=/srv,size=8G". Pure.
namespace holdfast::proxmox {

struct Property {
  // In their order; a first part without '=' has an empty key.
  std::vector<std::pair<std::string, std::string>> parts{};

  std::string get(std::string_view key) const;  // empty: not there
  void set(std::string_view key, std::string value);
  void erase(std::string_view key);
};

Property parse_property(std::string_view text);
std::string to_string(const Property& property);
// The volume, or the path, that the value of a disk or of "unused0" begins with.
std::string volume_id(const std::string& value);

// "8G", "8196M", "512K", "1024": binary multiples. Nothing for anything else.
std::optional<Bytes> parse_size(std::string_view text);
// In the largest unit that tells it exactly.
std::string size_text(Bytes size);
// For a volume to be made: gibibytes, with a fraction where needed.
std::string gibibytes_text(Bytes size);

}  // namespace holdfast::proxmox
