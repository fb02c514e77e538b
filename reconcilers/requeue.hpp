// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace holdfast {

// When a reconciler wants its subject back, if nothing else happens before.
struct Requeue {
  std::optional<Duration> delay{};
  bool is_waiting = false;  // something begun goes on: failures before it are not forgotten yet

  static Requeue never() { return {}; }  // until something changes
  static Requeue after(Duration delay) { return {delay, false}; }
  static Requeue waiting(Duration delay) { return {delay, true}; }
};

}  // namespace holdfast
