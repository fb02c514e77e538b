// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <utility>

#include "hub/operator_desk.hpp"

namespace holdfast::hub {
namespace {

HubHostReport report_of(const KnownHost& host) {
  HubHostReport report{.host_id = host.record.id,
                       .hostname = host.record.hostname,
                       .version = host.record.version,
                       .status = status_of(host.lease.standing),
                       .enrolled = host.record.enrolled,
                       .last_report = host.reported,
                       .desired_generation = host.newest.generation,
                       .held_generation = host.held.generation,
                       .open_jobs = static_cast<std::uint32_t>(host.open_jobs.size()),
                       .is_connected = host.parked.has_value()};
  if (!host.beat) return report;
  const Heartbeat& said = host.beat->said;
  report.last_heartbeat = host.beat->at;
  report.pass_age = said.pass_age;
  report.journal_age = said.journal_age;
  report.open_operations = said.open_operations;
  report.mode = std::string{holdfast::to_string(said.mode)};
  return report;
}

}  // namespace

Result<std::vector<HubHostReport>> OperatorDesk::hosts() const {
  std::vector<HubHostReport> reports;
  {
    auto known = to_.hosts.lock();
    for (const auto& [id, host] : known->by_id) reports.push_back(report_of(host));
  }
  std::sort(reports.begin(), reports.end(), [](const auto& a, const auto& b) {
    return std::tie(a.hostname, a.host_id) < std::tie(b.hostname, b.host_id);
  });
  return reports;
}

Result<HubHostReport> OperatorDesk::host(const std::string& id) const {
  HubHostReport report;
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(id);
    if (found == known->by_id.end()) return Error{Errc::not_found, "there is no host " + id};
    report = report_of(found->second);
  }
  const auto state =
      TRY(to_.store.get([&](const Tables& tables) { return tables.hosts.state(id); }));
  if (state && !state->report.empty())
    report.report = TRY(parse_hub_report<StatusReport>(state->report));
  return report;
}

Result<void> OperatorDesk::remove(const std::string& id, const std::string& author) {
  const Time now = to_.clock.now();
  auto removed = to_.store.commit([&](const Tables& tables) -> Result<void> {
    for (const auto& alert : TRY(tables.alerts.holding()))
      if (alert.host == id) TRY(tables.alerts.end(alert.id, now));
    return tables.hosts.remove(id);
  });
  if (!removed) return removed;
  std::optional<Parked> parked;  // answered when it goes
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(id);
    if (found == known->by_id.end()) return Error{Errc::not_found, "there is no host " + id};
    parked = std::exchange(found->second.parked, std::nullopt);
    known->by_key.erase(found->second.record.key_hash);
    known->by_id.erase(found);
  }
  to_.log.info("host removed", {{"host", id}, {"operator", author}});
  return ok();
}

Result<EnrollTokenReport> OperatorDesk::enroll_token(const std::string& author) {
  const auto token = TRY(make_token(to_, credentials_, author));
  to_.log.info("enrolment token made", {{"operator", author}});
  return EnrollTokenReport{holdfast::to_string(token), to_.clock.now() + token_life};
}

}  // namespace holdfast::hub
