// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace holdfast {

// What a hub may tune on a host. Bounded, and never a path, a key or anything the gate
// looks at: the worst a hub can do here is make the host slow or talkative.
struct HostConfig {
  std::string name = "host";                   // metadata.name; at most one HostConfig
  Duration resync = std::chrono::seconds{60};  // resyncInterval, 1s to 1h
  std::uint32_t workers = 4;                   // 1 to 64
  LogLevel log_level = LogLevel::info;         // logLevel: debug, info, warn, error
  bool operator==(const HostConfig&) const = default;
};

// One JSON or YAML HostConfig, strictly; errors as parse_guest().
Result<HostConfig> parse_host_config(std::string_view text, std::string_view source_name);

std::string to_canonical_json(const HostConfig& config);
std::string to_yaml(const HostConfig& config);

}  // namespace holdfast
