// SPDX-License-Identifier: Apache-2.0
#include "hub/metrics.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

namespace holdfast::hub {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

// As the format wants label values: backslash, quote and line end escaped.
std::string label(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out.append(name).append(" ").append(type).append("\n");
}

void counter(std::string& out, std::string_view name, std::string_view help,
             const Metrics::Counter& value) {
  head(out, name, "counter", help);
  out.append(name).append(" ").append(std::to_string(value.load())).append("\n");
}

std::int64_t seconds_of(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

template <class ValueOf>
void of_hosts(std::string& out, std::string_view name, std::string_view help,
              const std::vector<HostGauges>& hosts, const ValueOf& value_of) {
  head(out, name, "gauge", help);
  for (const auto& host : hosts) {
    out.append(name).append("{host_id=").append(label(host.id));
    out.append(",hostname=").append(label(host.hostname)).append("} ");
    out.append(number(static_cast<double>(value_of(host)))).append("\n");
  }
}

void counters(std::string& out, const Metrics& m) {
  counter(out, "holdfast_hub_heartbeats_total", "Heartbeats stored.", m.heartbeats);
  counter(out, "holdfast_hub_heartbeats_refused_total", "Heartbeats that were none: replays.",
          m.heartbeats_refused);
  counter(out, "holdfast_hub_syncs_total", "Syncs answered or parked.", m.syncs);
  counter(out, "holdfast_hub_edits_total", "Generations stored.", m.edits);
  counter(out, "holdfast_hub_jobs_queued_total", "Jobs taken from operators.", m.jobs_queued);
  counter(out, "holdfast_hub_job_results_total", "Final results of jobs.", m.job_results);
  counter(out, "holdfast_hub_enrolments_total", "Hosts enrolled, again or anew.", m.enrolments);
  counter(out, "holdfast_hub_unauthorized_total", "Requests without a good key.", m.unauthorized);
  counter(out, "holdfast_hub_rate_limited_total", "Requests answered 429.", m.rate_limited);
  counter(out, "holdfast_hub_alerts_total", "Alerts raised.", m.alerts);
  counter(out, "holdfast_hub_deliveries_taken_total", "Alerts that a receiver took.",
          m.deliveries_taken);
  counter(out, "holdfast_hub_deliveries_failed_total", "Attempts that a receiver did not take.",
          m.deliveries_failed);
  counter(out, "holdfast_hub_watch_failures_total", "Looks at the leases that failed.",
          m.watch_failures);
  counter(out, "holdfast_hub_watcher_pings_total", "Answers of the outside watcher.",
          m.watcher_pings);
}

}  // namespace

std::string to_prometheus(const Metrics& metrics, const Gauges& gauges) {
  std::string out;
  counters(out, metrics);
  head(out, "holdfast_hub_connections", "gauge", "Connections open.");
  out += "holdfast_hub_connections " + std::to_string(gauges.connections) + "\n";
  head(out, "holdfast_hub_parked_polls", "gauge", "Long polls that wait.");
  out += "holdfast_hub_parked_polls " + std::to_string(gauges.parked) + "\n";
  head(out, "holdfast_hub_certificate_not_after_timestamp_seconds", "gauge",
       "When the hub's certificate, and its CA, are over: no host believes it from then on.");
  for (const auto& [what, until] :
       {std::pair{"server", gauges.certificate_until}, std::pair{"ca", gauges.ca_until}})
    out += "holdfast_hub_certificate_not_after_timestamp_seconds{certificate=" + label(what) +
           "} " + std::to_string(seconds_of(until)) + "\n";
  std::map<std::string, std::size_t> statuses{
      {"Alive", 0}, {"Dead", 0}, {"Late", 0}, {"Stalled", 0}};
  for (const auto& host : gauges.hosts) ++statuses[host.status];
  head(out, "holdfast_hub_hosts", "gauge", "Hosts by what is said of them.");
  for (const auto& [status, count] : statuses)
    out += "holdfast_hub_hosts{status=" + label(status) + "} " + std::to_string(count) + "\n";
  const auto& hosts = gauges.hosts;
  of_hosts(out, "holdfast_hub_heartbeat_age_seconds", "Since the last heartbeat.", hosts,
           [](const HostGauges& host) { return host.heartbeat_age; });
  of_hosts(out, "holdfast_hub_pass_age_seconds", "Age of the last finished pass, as last said.",
           hosts, [](const HostGauges& host) { return host.pass_age; });
  of_hosts(out, "holdfast_hub_desired_generation", "Newest generation at the hub.", hosts,
           [](const HostGauges& host) { return host.desired_generation; });
  of_hosts(out, "holdfast_hub_held_generation", "Generation that the host holds.", hosts,
           [](const HostGauges& host) { return host.held_generation; });
  of_hosts(out, "holdfast_hub_open_jobs", "Jobs without a final result.", hosts,
           [](const HostGauges& host) { return host.open_jobs; });
  return out;
}

}  // namespace holdfast::hub
