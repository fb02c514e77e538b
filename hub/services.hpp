// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "hub/hosts.hpp"
#include "hub/metrics.hpp"
#include "hub/store.hpp"
#include "schema/hub_server_config.hpp"

namespace holdfast::hub {

// What every part of a hub works with. All of it is thread-safe and outlives the parts.
struct Services {
  Store& store;
  Hosts& hosts;
  const Clock& clock;  // elapsed() goes on while the machine is suspended
  Metrics& metrics;
  HubServerConfig config{};
  Logger log{};
};

}  // namespace holdfast::hub
