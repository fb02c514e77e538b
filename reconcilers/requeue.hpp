// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace holdfast {

// When a reconciler wants its subject back, if nothing else happens before.
struct Requeue {
  std::optional<Duration> delay{};

  static Requeue never() { return {}; }  // until something changes
  static Requeue after(Duration delay) { return {delay}; }
};

}  // namespace holdfast
