// SPDX-License-Identifier: Apache-2.0
#include "schema/hub_server_config.hpp"

#include <chrono>

#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

const TextForm web_url{"a URL like https://alerts.example/hook", "^https?://[^ ]+$",
                       [](std::string_view t) {
                         return (t.starts_with("http://") && t.size() > 7) ||
                                (t.starts_with("https://") && t.size() > 8);
                       },
                       2048};

const Table<HubConfig>& advice_table() {
  static const Table<HubConfig> table{{
      field("wait", &HubConfig::wait, duration(1s, 55s)),
      field("heartbeat", &HubConfig::heartbeat, duration(1s, 1min)),
      field("report", &HubConfig::report, duration(10s, 1h)),
      field("retryAtMost", &HubConfig::retry_at_most, duration(1s, 10min)),
  }};
  return table;
}

void finish(HubServerConfig& config, Problems& problems) {
  if (config.late < config.dead) return;
  const Problems::Step step{problems, "dead"};
  problems.add("expected a longer time than late has");
}

const Table<HubServerConfig>& hub_server_config_table() {
  constexpr std::size_t max_receivers = 16;
  static const Table<HubServerConfig> table{
      {
          field("listen", &HubServerConfig::listen, text(single_line)),
          field("late", &HubServerConfig::late, duration(2s, 1h)),
          field("dead", &HubServerConfig::dead, duration(3s, 24h)),
          field("stalled", &HubServerConfig::stalled, duration(1s, 24h)),
          field("webhooks", &HubServerConfig::webhooks, list_of(text(web_url), {0, max_receivers})),
          field("alertmanagers", &HubServerConfig::alertmanagers,
                list_of(text(web_url), {0, max_receivers})),
          field("watcher", &HubServerConfig::watcher, text(web_url)),
          field("watcherEvery", &HubServerConfig::watcher_every, duration(1s, 1h)),
          field("advice", &HubServerConfig::advice, object(advice_table())),
          field("generationsKept", &HubServerConfig::generations_kept,
                whole_number<std::uint32_t>(2, 100'000)),
          field("jobsKept", &HubServerConfig::jobs_kept, duration(24h, 24h * 3650)),
          field("requestsPerSecond", &HubServerConfig::requests_per_second,
                whole_number<std::uint32_t>(1, 100'000)),
          field("maxConnections", &HubServerConfig::max_connections,
                whole_number<std::uint32_t>(16, 1'000'000)),
          field("logLevel", &HubServerConfig::log_level,
                one_of<LogLevel>(
                    std::vector<std::pair<std::string, LogLevel>>{{"debug", LogLevel::debug},
                                                                  {"info", LogLevel::info},
                                                                  {"warn", LogLevel::warn},
                                                                  {"error", LogLevel::error}})),
      },
      finish};
  return table;
}

}  // namespace

Result<HubServerConfig> parse_hub_server_config(std::string_view text,
                                                std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  if (documents.empty() || (documents.size() == 1 && documents.front().is_null()))
    return HubServerConfig{};
  if (documents.size() != 1)
    return Error{Errc::invalid, std::string{source_name} + ": expected one document, found " +
                                    std::to_string(documents.size())};
  return read_resource(hub_server_config_table(), documents.front(), source_name);
}

}  // namespace holdfast
