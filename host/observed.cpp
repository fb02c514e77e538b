// SPDX-License-Identifier: Apache-2.0
#include "host/observed.hpp"

namespace holdfast::host {

std::string_view to_string(PowerState state) {
  switch (state) {
    case PowerState::running: return "Running";
    case PowerState::suspended: return "Suspended";
    case PowerState::stopping: return "Stopping";
    case PowerState::stopped: return "Stopped";
    case PowerState::crashed: return "Crashed";
    case PowerState::unknown: return "Unknown";
  }
  return "Unknown";
}

}  // namespace holdfast::host
