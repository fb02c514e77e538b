// SPDX-License-Identifier: Apache-2.0
#include "schema/host_config.hpp"

#include "schema/resource_tables.hpp"

namespace holdfast {
namespace {

Codec<LogLevel> log_level() {
  return one_of<LogLevel>(
      std::vector<std::pair<std::string, LogLevel>>{{"debug", LogLevel::debug},
                                                    {"info", LogLevel::info},
                                                    {"warn", LogLevel::warn},
                                                    {"error", LogLevel::error}});
}

const Table<HostConfig>& spec_table() {
  static const Table<HostConfig> table{{
      field("resyncInterval", &HostConfig::resync,
            duration(std::chrono::seconds{1}, std::chrono::hours{1}),
            "How often everything is looked at although nothing was announced."),
      field("workers", &HostConfig::workers, whole_number<std::uint32_t>(1, 64),
            "Subjects worked on at once."),
      field("logLevel", &HostConfig::log_level, log_level()),
  }};
  return table;
}

}  // namespace

const Table<HostConfig>& host_config_table() {
  static const auto metadata = metadata_table<HostConfig>(dns_label);
  static const Table<HostConfig> table{{
      fixed<HostConfig>("apiVersion", api_version),
      fixed<HostConfig>("kind", "HostConfig"),
      required(section("metadata", metadata)),
      required(section("spec", spec_table())),
  }};
  return table;
}

Result<HostConfig> parse_host_config(std::string_view text, std::string_view source_name) {
  return parse_one(host_config_table(), text, source_name);
}

std::string to_canonical_json(const HostConfig& config) {
  return host_config_table().print(config).dump();
}
std::string to_yaml(const HostConfig& config) { return yaml_of(host_config_table().print(config)); }

}  // namespace holdfast
