// SPDX-License-Identifier: Apache-2.0
#include "hub/alert_messages.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

namespace holdfast::hub {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr Duration firing_for = 1h;       // refreshed long before
constexpr Duration momentary_for = 5min;  // for what has no duration

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string severity_of(const Alert& alert) {
  if (alert.alert == "HostDead") return "critical";
  return alert.alert == "HostRecovered" ? "info" : "warning";
}

Json alertmanager_alert(const Alert& alert, Time ends) {
  Json labels = {{"alertname", alert.alert}, {"severity", severity_of(alert)}};
  if (!alert.host.empty()) labels.update({{"hostId", alert.host}, {"hostname", alert.hostname}});
  return {{"labels", labels},
          {"annotations", {{"summary", alert.message}, {"id", alert.id}}},
          {"startsAt", to_string(alert.at)},
          {"endsAt", to_string(ends)}};
}

}  // namespace

std::string webhook_body(const Alert& alert, const std::vector<Alert>& ended) {
  auto ends = Json::array();
  for (const auto& other : ended) ends.push_back(other.id);
  return dump({{"apiVersion", "holdfast/v1"},
               {"kind", "Alert"},
               {"id", alert.id},
               {"alert", alert.alert},
               {"severity", severity_of(alert)},
               {"status", alert.ended ? "resolved" : "firing"},
               {"hostId", alert.host},
               {"hostname", alert.hostname},
               {"at", to_string(alert.at)},
               {"message", alert.message},
               {"ends", ends}});
}

std::string alertmanager_body(const Alert& alert, const std::vector<Alert>& ended) {
  auto list = Json::array();
  for (const auto& other : ended) list.push_back(alertmanager_alert(other, alert.at));
  list.push_back(alertmanager_alert(alert, alert.at + (alert.ended ? momentary_for : firing_for)));
  return dump(list);
}

std::string alertmanager_refresh(const std::vector<Alert>& holding, Time now) {
  auto list = Json::array();
  for (const auto& alert : holding) list.push_back(alertmanager_alert(alert, now + firing_for));
  return dump(list);
}

}  // namespace holdfast::hub
