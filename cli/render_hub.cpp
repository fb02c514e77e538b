// SPDX-License-Identifier: Apache-2.0
#include "cli/render_hub.hpp"

#include <algorithm>
#include <utility>

#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t short_id = 12;       // digits: enough to name a host by
constexpr std::size_t longest_value = 60;  // columns of a value in a diff

Color color_of_status(const std::string& status) {
  if (status == "Alive") return Color::green;
  return status == "Dead" ? Color::red : Color::yellow;
}

Color color_of_job(const std::string& state) {
  if (state == "done") return Color::green;
  return state == "refused" || state == "failed" ? Color::red : Color::yellow;
}

// "3/4": held and desired, when they differ.
std::string generations_of(const HubHostReport& host) {
  if (host.desired_generation == 0 && host.held_generation == 0) return {};
  if (host.desired_generation == host.held_generation) return std::to_string(host.held_generation);
  return std::to_string(host.held_generation) + "/" + std::to_string(host.desired_generation);
}

std::string when(const std::optional<Time>& at, Time now) { return at ? age(*at, now) : ""; }

// "sha256:" is the same for all of them.
std::string short_digest(const std::string& digest) {
  const auto colon = digest.find(':');
  return digest.substr(colon == std::string::npos ? 0 : colon + 1, short_id);
}

std::string value(const std::string& json) {
  return json.empty() ? "(none)" : shorten(printable(json), longest_value);
}

std::vector<Cell> row_of(const HubHostReport& host, Time now, bool wide) {
  const bool lags = host.desired_generation != host.held_generation;
  std::vector<Cell> row{wide ? host.host_id : host.host_id.substr(0, short_id),
                        host.hostname,
                        {host.status, color_of_status(host.status)},
                        when(host.last_heartbeat, now),
                        {generations_of(host), lags ? Color::yellow : Color::none},
                        std::to_string(host.open_jobs),
                        {host.mode, host.mode == "observe-only" ? Color::red : Color::none}};
  if (wide)
    row.insert(row.end(), {host.is_connected ? "yes" : "no",
                           host.last_heartbeat ? to_short_string(host.pass_age) : "",
                           when(host.last_report, now), host.version, age(host.enrolled, now)});
  return row;
}

}  // namespace

Table hub_hosts_table(const std::vector<HubHostReport>& hosts, Time now, bool wide) {
  std::vector<std::string> headers{"HOST",       "HOSTNAME", "STATUS", "HEARD",
                                   "GENERATION", "JOBS",     "MODE"};
  if (wide) headers.insert(headers.end(), {"CONNECTED", "PASS-AGE", "REPORT", "VERSION", "AGE"});
  Table table{std::move(headers)};
  for (const auto& host : hosts) table.add(row_of(host, now, wide));
  return table;
}

std::string describe_hub_host(const HubHostReport& host, Time now, const Style& style) {
  std::string text;
  const auto add = [&](const std::string& name, const std::string& shown) {
    if (shown.empty()) return;
    text += style.paint(Color::bold, name + ":") + std::string(20 - name.size(), ' ') +
            printable(shown) + "\n";
  };
  add("Host", host.host_id);
  add("Hostname", host.hostname);
  text += style.paint(Color::bold, "Status:") + std::string(14, ' ') +
          style.paint(color_of_status(host.status), printable(host.status)) + "\n";
  add("Version", host.version);
  add("Enrolled", to_string(host.enrolled));
  add("Last heartbeat", host.last_heartbeat ? age(*host.last_heartbeat, now) + " ago" : "never");
  add("Last report", host.last_report ? age(*host.last_report, now) + " ago" : "never");
  add("Waits at the hub", host.is_connected ? "yes" : "no");
  add("Desired generation",
      host.desired_generation == 0 ? "" : std::to_string(host.desired_generation));
  add("Held generation", host.held_generation == 0 ? "" : std::to_string(host.held_generation));
  if (host.last_heartbeat) {
    add("Last pass", to_short_string(host.pass_age) + " before the heartbeat");
    add("Open operations", std::to_string(host.open_operations));
    add("Mode", host.mode);
  }
  add("Open jobs", std::to_string(host.open_jobs));
  if (!host.report) return text;
  const auto& report = *host.report;
  const auto section = [&](const std::string& name, const Table& table) {
    if (!table.empty())
      text += "\n" + style.paint(Color::bold, name + ":") + "\n" + table.render(style);
  };
  section("Guests", guests_table(report.guests, false));
  section("Tickets", tickets_table(report.tickets, now, false));
  std::vector<SubjectCondition> conditions;
  for (const auto& condition : report.host.conditions) conditions.emplace_back("host", condition);
  section("Conditions", conditions_table(conditions, now));
  return text;
}

Table generations_table(const std::vector<GenerationReport>& generations, Time now, bool wide) {
  std::vector<std::string> headers{"GENERATION", "AGE", "BY", "DIGEST", "COMMENT"};
  if (wide) headers.emplace_back("CREATED");
  Table table{std::move(headers)};
  for (const auto& one : generations) {
    std::vector<Cell> row{std::to_string(one.generation), age(one.created, now), one.author,
                          short_digest(one.digest), one.comment};
    if (wide) row.emplace_back(to_string(one.created));
    table.add(std::move(row));
  }
  return table;
}

Table hub_jobs_table(const std::vector<HubJobReport>& jobs, Time now, bool wide) {
  std::vector<std::string> headers{"PAYLOAD", "STATE", "CODE",   "SIGNATURES",
                                   "AGE",     "BY",    "MESSAGE"};
  if (wide) headers.insert(headers.end(), {"JOB", "OPERATION", "UPDATED"});
  Table table{std::move(headers)};
  for (const auto& job : jobs) {
    std::vector<Cell> row{wide ? job.payload : short_digest(job.payload),
                          {job.state, color_of_job(job.state)},
                          job.code,
                          std::to_string(job.signatures),
                          age(job.created, now),
                          job.author,
                          wide ? job.message : shorten(job.message, longest_value)};
    if (wide) row.insert(row.end(), {job.job, job.operation, when(job.updated, now)});
    table.add(std::move(row));
  }
  return table;
}

Table alerts_table(const std::vector<AlertReport>& alerts, Time now, bool wide) {
  std::vector<std::string> headers{"ALERT", "HOSTNAME", "AGE", "STATE", "OWED", "MESSAGE"};
  if (wide) headers.insert(headers.end(), {"ID", "HOST", "SILENCE"});
  Table table{std::move(headers)};
  for (const auto& alert : alerts) {
    std::vector<Cell> row{
        alert.alert,
        alert.hostname,
        age(alert.at, now),
        alert.ended ? Cell{"over"} : Cell{"holds", Color::red},
        {std::to_string(alert.undelivered), alert.undelivered == 0 ? Color::none : Color::yellow},
        alert.message};
    if (wide) row.insert(row.end(), {alert.id, alert.host_id, alert.silence});
    table.add(std::move(row));
  }
  return table;
}

Table silences_table(const std::vector<SilenceReport>& silences, Time now) {
  Table table{{"ID", "HOST", "ALERT", "ENDS-IN", "BY", "REASON"}};
  for (const auto& silence : silences)
    table.add({silence.id, silence.host_id.empty() ? "all" : silence.host_id.substr(0, short_id),
               silence.alert.empty() ? "all" : silence.alert, age(now, silence.ends),
               silence.author, silence.reason});
  return table;
}

std::string render_diff(const DiffReport& diff, const Style& style) {
  std::string text;
  for (const auto& change : diff.changes) {
    const auto what = printable(change.kind + " " + change.name);
    if (change.change == "added") text += "  " + style.paint(Color::green, "+ " + what) + "\n";
    if (change.change == "removed") text += "  " + style.paint(Color::red, "- " + what) + "\n";
    if (change.change != "changed") continue;
    text += "  " + style.paint(Color::yellow, "~ " + what) + "\n";
    for (const auto& field : change.fields)
      text += "      " + printable(field.path) + ": " + value(field.from) + " -> " +
              value(field.to) + "\n";
  }
  return text;
}

}  // namespace holdfast::cli
