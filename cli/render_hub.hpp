// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/table.hpp"
#include "schema/hub_report.hpp"

// What a hub reports, to what a person reads. Pure.
namespace holdfast::cli {

Table hub_hosts_table(const std::vector<HubHostReport>& hosts, Time now, bool wide);
std::string describe_hub_host(const HubHostReport& host, Time now, const Style& style);
Table generations_table(const std::vector<GenerationReport>& generations, Time now, bool wide);
Table hub_jobs_table(const std::vector<HubJobReport>& jobs, Time now, bool wide);
Table alerts_table(const std::vector<AlertReport>& alerts, Time now, bool wide);
Table silences_table(const std::vector<SilenceReport>& silences, Time now);
// + - ~ for each resource, with the fields of those that changed.
std::string render_diff(const DiffReport& diff, const Style& style);

}  // namespace holdfast::cli
