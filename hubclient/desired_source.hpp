// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "schema/desired_state.hpp"

namespace holdfast {

// Desired state as it was found, before anybody decided whether to accept it.
struct Fetched {
  HostDesiredState state{};
  // True when host id and generation are the sender's. A directory of loose files has
  // none: the controller numbers its generations itself.
  bool has_envelope = false;
  // Whose order of generations this is; generations of two origins do not compare. Empty for
  // whatever lies in a directory.
  std::string origin{};
};

// Where desired state comes from: a directory or a hub.
class DesiredSource {
 public:
  virtual ~DesiredSource() = default;
  // nullopt: nothing is new since the last call, whatever that one answered.
  // unavailable: the source is away. conflict: it is being written right now, look again
  // soon. invalid: what is there cannot be accepted as a whole; says what and where.
  virtual Result<std::optional<Fetched>> fetch() = 0;
  // For people: "directory /etc/holdfast/desired".
  virtual std::string describe() const = 0;
};

}  // namespace holdfast
