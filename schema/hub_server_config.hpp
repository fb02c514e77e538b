// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// How a hub is set up, by whoever runs it: DATA/hub.yaml.
struct HubServerConfig {
  std::string listen = "0.0.0.0:8443";
  // Leases: how long a host may be silent, and how old its last finished pass may be.
  Duration late{30'000};
  Duration dead{90'000};
  Duration stalled{180'000};
  // Where alerts go, each until it was taken.
  std::vector<std::string> webhooks{};
  std::vector<std::string> alertmanagers{};  // base URLs; /api/v2/alerts goes behind them
  std::string watcher{};                     // asked (GET) while our own alert loop works
  Duration watcher_every{60'000};
  HubConfig advice{};                         // to every host
  std::uint32_t generations_kept = 100;       // of each host; the one that it holds stays too
  Duration jobs_kept{90LL * 24 * 3'600'000};  // from being queued; open ones stay
  std::uint32_t requests_per_second = 20;     // of one host, with a burst of five times as many
  std::uint32_t max_connections = 20'000;
  LogLevel log_level = LogLevel::info;
  bool operator==(const HubServerConfig&) const = default;
};

// One YAML or JSON document without envelope. Strict; an empty text is the defaults.
Result<HubServerConfig> parse_hub_server_config(std::string_view text,
                                                std::string_view source_name);

}  // namespace holdfast
