// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hub/records.hpp"

// What receivers are sent, byte for byte. Pure.
namespace holdfast::hub {

// For a webhook: one object, {"apiVersion","kind":"Alert","id","alert","hostId","hostname","at",
// "status":"firing|resolved","message","ends":[ids of the alerts that it ends]}.
std::string webhook_body(const Alert& alert, const std::vector<Alert>& ended);

// For POST /api/v2/alerts of Alertmanager (its OpenAPI, "postableAlerts"): the alert, and those
// that it ends with their endsAt. Labels identify: alertname, hostId, hostname, severity; our id
// is an annotation.
std::string alertmanager_body(const Alert& alert, const std::vector<Alert>& ended);
// The same alerts once more, still firing: Alertmanager forgets those it is not told of.
std::string alertmanager_refresh(const std::vector<Alert>& holding, Time now);

}  // namespace holdfast::hub
