// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"

namespace holdfast {

// What an enrolment left: where the hub is, how to know it, and how it knows us. A secret.
struct HubAccess {
  std::string url{};
  std::string key{};  // bearer
  std::string ca{};   // PEM
  bool operator==(const HubAccess&) const = default;

  // What its order of generations belongs to: a hub is its CA, whatever its address.
  std::string origin() const;
};

// STATE_DIR/hub.json, mode 0600. nullopt: not enrolled. Errc::corrupt when it is no such file.
Result<std::optional<HubAccess>> load_hub_access(const std::string& path);
// On disk when it returns.
Result<void> save_hub_access(const std::string& path, const HubAccess& access);

}  // namespace holdfast
