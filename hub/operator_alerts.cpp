// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include "hub/operator_desk.hpp"
#include "hub/secrets.hpp"

namespace holdfast::hub {
namespace {

constexpr Duration longest_silence = std::chrono::hours{24 * 90};

AlertReport report_of(const Alert& alert) {
  return {.id = alert.id,
          .alert = alert.alert,
          .host_id = alert.host,
          .hostname = alert.hostname,
          .at = alert.at,
          .ended = alert.ended,
          .silence = alert.silence,
          .message = alert.message,
          .undelivered = alert.undelivered};
}

SilenceReport report_of(const Silence& silence) {
  return {silence.id,   silence.host,   silence.alert, silence.starts,
          silence.ends, silence.reason, silence.author};
}

}  // namespace

Result<std::vector<AlertReport>> OperatorDesk::alerts(std::size_t limit, bool only_holding) const {
  const auto found = TRY(to_.store.get([&](const Tables& tables) {
    return only_holding ? tables.alerts.holding() : tables.alerts.recent(limit);
  }));
  std::vector<AlertReport> reports;
  reports.reserve(found.size());
  for (const auto& alert : found) reports.push_back(report_of(alert));
  return reports;
}

Result<SilenceReport> OperatorDesk::silence(const SilenceOrder& order) {
  if (order.time <= Duration{0} || order.time > longest_silence)
    return Error{Errc::invalid, "a silence ends: expected from 1s to " +
                                    to_short_string(longest_silence) + ", found " +
                                    to_short_string(order.time)};
  const Time now = to_.clock.now();
  const Silence silence{random_id(),      order.host,   order.alert, now,
                        now + order.time, order.reason, order.author};
  TRY(to_.store.commit([&](const Tables& tables) { return tables.alerts.put(silence); }));
  to_.log.info("silenced", {{"silence", silence.id},
                            {"host", silence.host},
                            {"alert", silence.alert},
                            {"until", holdfast::to_string(silence.ends)},
                            {"operator", silence.author}});
  return report_of(silence);
}

Result<SilenceReport> OperatorDesk::end_silence(const std::string& silence) {
  const Time now = to_.clock.now();
  SilenceReport ended;
  const auto stored = to_.store.commit([&](const Tables& tables) -> Result<void> {
    for (auto& known : TRY(tables.alerts.silences())) {
      if (known.id != silence) continue;
      if (known.ends > now) known.ends = now;
      ended = report_of(known);
      return tables.alerts.put(known);
    }
    return Error{Errc::not_found, "there is no silence " + silence};
  });
  if (!stored) return stored.error();
  return ended;
}

Result<std::vector<SilenceReport>> OperatorDesk::silences() const {
  const Time now = to_.clock.now();
  const auto all =
      TRY(to_.store.get([](const Tables& tables) { return tables.alerts.silences(); }));
  std::vector<SilenceReport> reports;
  for (const auto& silence : all)
    if (silence.ends > now) reports.push_back(report_of(silence));
  return reports;
}

}  // namespace holdfast::hub
