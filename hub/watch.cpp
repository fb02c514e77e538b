// SPDX-License-Identifier: Apache-2.0
#include "hub/watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "hub/alert_messages.hpp"
#include "hub/secrets.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view watching_fact = "watching";
constexpr Duration note_every = 5s;
constexpr Duration short_absence = 10s;  // a restart that misses one heartbeat is no news
constexpr Duration works_for = 3s;
constexpr Duration alerts_kept = std::chrono::hours{24 * 90};
constexpr Duration forget_every = 1h;

LeaseLimits limits_of(const HubServerConfig& config) {
  const Duration beat = config.advice.heartbeat;
  return {config.late, config.dead, config.stalled, beat + beat / 10};
}

std::string message_of(Signal signal, const KnownHost& host, const LeaseLimits& limits,
                       Duration now) {
  std::string who = "host " + host.record.hostname;
  switch (signal) {
    case Signal::late: return who + " was not heard for " + to_short_string(limits.late);
    case Signal::dead: return who + " was not heard for " + to_short_string(limits.dead);
    case Signal::stalled:
      return who + " is heard, but has finished no reconcile pass for " +
             to_short_string(host.lease.pass_age + (now - host.lease.heard));
    case Signal::recovered: return who + " is well again";
  }
  return who;
}

// The alerts that a host of that standing has no more.
bool is_over(const Alert& alert, const Standing& standing) {
  if (alert.alert == alert_of(Signal::stalled)) return !standing.is_stalled;
  return standing.liveness == Liveness::alive;
}

bool is_silenced(const Silence& silence, const Alert& alert, Time now) {
  return silence.starts <= now && now < silence.ends &&
         (silence.host.empty() || silence.host == alert.host) &&
         (silence.alert.empty() || silence.alert == alert.alert);
}

std::string silence_of(const std::vector<Silence>& silences, const Alert& alert, Time now) {
  for (const auto& silence : silences)
    if (is_silenced(silence, alert, now)) return silence.id;
  return {};
}

// Ends the alerts that a host of that standing has no more; those of them that somebody was told
// of.
Result<std::vector<Alert>> end_alerts(const Tables& tables, const std::vector<Alert>& holding,
                                      const std::string& host, const Standing& standing, Time now) {
  std::vector<Alert> ended;
  for (const auto& alert : holding) {
    if (alert.host != host || !is_over(alert, standing)) continue;
    TRY(tables.alerts.end(alert.id, now));
    if (alert.deliveries > 0) ended.push_back(alert);
  }
  return ended;
}

}  // namespace

std::string alertmanager_url(const std::string& base) {
  return base + (base.ends_with('/') ? "" : "/") + "api/v2/alerts";
}

std::vector<std::string> receivers_of(const HubServerConfig& config) {
  std::vector<std::string> all = config.webhooks;
  for (const auto& base : config.alertmanagers) all.push_back(alertmanager_url(base));
  return all;
}

struct Watch::Change {
  std::string host{};
  Standing standing{};
  std::vector<Alert> raised{};
};

// What one look came to.
struct Watch::Findings {
  std::vector<Change> changes{};
  std::vector<Alert> own{};  // of the hub itself
  Time now{};
  bool is_note_due = false;
  bool is_forgetting = false;
  bool owes = false;
};

Watch::Watch(const Services& services, std::function<void()> on_owed)
    : to_{services}, on_owed_{std::move(on_owed)} {}

Result<void> Watch::start() {
  watched_ = to_.clock.elapsed();
  last_try_ = watched_;
  last_look_ = watched_;
  last_look_at_ = to_.clock.now();
  TRY(forget_receivers());
  const auto watching =
      TRY(to_.store.get([](const Tables& tables) { return tables.facts.get(watching_fact); }));
  if (!watching) return ok();
  const Time until = TRY(parse_time(*watching));
  if (last_look_at_ - until > short_absence) hub_was_down(until, last_look_at_, unsaid_);
  return ok();
}

void Watch::hub_was_down(Time from, Time to, std::vector<Alert>& alerts) const {
  const auto message = "the hub was not watching from " + to_string(from) + " to " + to_string(to) +
                       " (" + to_short_string(std::chrono::duration_cast<Duration>(to - from)) +
                       "); every host has a whole period from now";
  to_.log.warn("the hub was down", {{"from", to_string(from)}, {"to", to_string(to)}});
  alerts.push_back(
      {.id = random_id(), .alert = "HubWasDown", .at = to, .ended = to, .message = message});
}

void Watch::judge_all(Duration now, Findings& findings) {
  const auto limits = limits_of(to_.config);
  auto known = to_.hosts.lock();
  for (const auto& [id, host] : known->by_id) {
    auto judgement = judge(host.lease, now, watched_, limits);
    if (judgement.standing == host.lease.standing) continue;
    Change change{id, judgement.standing, {}};
    for (const Signal signal : judgement.signals) {
      Alert alert{.id = random_id(),
                  .alert = std::string{alert_of(signal)},
                  .host = id,
                  .hostname = host.record.hostname,
                  .at = findings.now,
                  .message = message_of(signal, host, limits, now)};
      if (signal == Signal::recovered) alert.ended = findings.now;
      change.raised.push_back(std::move(alert));
    }
    findings.changes.push_back(std::move(change));
  }
}

Result<void> Watch::raise(const Tables& tables, const Alert& alert,
                          const std::vector<Alert>& ended) const {
  TRY(tables.alerts.add(alert));
  return alert.silence.empty() ? owe(tables, alert, ended) : ok();
}

Result<void> Watch::owe(const Tables& tables, const Alert& alert,
                        const std::vector<Alert>& ended) const {
  for (const auto& url : to_.config.webhooks)
    TRY(tables.alerts.owe(
        {.alert = alert.id, .receiver = url, .body = webhook_body(alert, ended)}));
  for (const auto& base : to_.config.alertmanagers)
    TRY(tables.alerts.owe({.alert = alert.id,
                           .receiver = alertmanager_url(base),
                           .body = alertmanager_body(alert, ended)}));
  return ok();
}

Result<void> Watch::record(const Tables& tables, Change& change,
                           const std::vector<Silence>& silences, const std::vector<Alert>& ended,
                           Time now) const {
  TRY(tables.hosts.put(change.host, change.standing));
  for (auto& alert : change.raised) {
    alert.silence = silence_of(silences, alert, now);
    if (alert.alert != alert_of(Signal::recovered)) {
      TRY(raise(tables, alert, {}));
      continue;
    }
    // Nobody is told of the end of what he was not told of.
    if (!ended.empty())
      alert.silence.clear();
    else if (alert.silence.empty() && !receivers_of(to_.config).empty())
      alert.silence = "never-told";
    TRY(raise(tables, alert, ended));
  }
  return ok();
}

Result<void> Watch::record(const Tables& tables, Findings& findings) const {
  const auto silences = TRY(tables.alerts.silences());
  const auto holding = TRY(tables.alerts.holding());
  for (const auto& alert : findings.own) TRY(raise(tables, alert, {}));
  for (auto& change : findings.changes) {
    const auto ended = TRY(end_alerts(tables, holding, change.host, change.standing, findings.now));
    TRY(record(tables, change, silences, ended, findings.now));
  }
  TRY(deliver_unsilenced(tables, findings));
  if (findings.is_note_due) {
    TRY(tables.facts.set(watching_fact, to_string(findings.now)));
    TRY(tables.alerts.forget(findings.now - alerts_kept));
  }
  return findings.is_forgetting ? forget_old(tables, findings.now) : ok();
}

// So that a hub that runs for years does not grow with them.
Result<void> Watch::forget_old(const Tables& tables, Time now) const {
  TRY(tables.generations.forget(to_.config.generations_kept));
  TRY(tables.jobs.forget(now - to_.config.jobs_kept));
  return tables.keys.forget(now - to_.config.jobs_kept);
}

Result<void> Watch::forget_receivers() const {
  std::size_t count = 0;
  auto forgotten = to_.store.commit([&](const Tables& tables) -> Result<void> {
    count = TRY(tables.alerts.owe_only(receivers_of(to_.config)));
    return ok();
  });
  if (!forgotten) return forgotten;
  if (count > 0)
    to_.log.warn("alerts are not sent to receivers that were removed", {{"deliveries", count}});
  return ok();
}

// A silence ends, and what it kept back still holds.
Result<void> Watch::deliver_unsilenced(const Tables& tables, Findings& findings) const {
  const auto silences = TRY(tables.alerts.silences());
  for (const auto& alert : TRY(tables.alerts.holding())) {
    if (alert.silence.empty() || !silence_of(silences, alert, findings.now).empty()) continue;
    TRY(tables.alerts.clear_silence(alert.id));
    findings.owes = true;
    TRY(owe(tables, alert, {}));
  }
  return ok();
}

void Watch::follow(const Findings& findings) {
  {
    auto known = to_.hosts.lock();
    for (const auto& change : findings.changes)
      if (const auto host = known->by_id.find(change.host); host != known->by_id.end())
        host->second.lease.standing = change.standing;
  }
  bool owes = findings.owes;
  for (const auto& change : findings.changes)
    for (const auto& alert : change.raised) {
      ++to_.metrics.alerts;
      to_.log.warn("alert", {{"alert", alert.alert},
                             {"host", alert.host},
                             {"hostname", alert.hostname},
                             {"id", alert.id},
                             {"silence", alert.silence}});
      owes = true;
    }
  to_.metrics.alerts += findings.own.size();
  if (owes || !findings.own.empty()) on_owed_();
}

Result<void> Watch::look() {
  Findings findings;
  const Duration now = to_.clock.elapsed();
  findings.now = to_.clock.now();
  if (was_away(last_try_, now, limits_of(to_.config))) {
    watched_ = now;
    if (findings.now - last_look_at_ > short_absence / 2)
      hub_was_down(last_look_at_, findings.now, unsaid_);
  }
  last_try_ = now;
  last_look_at_ = findings.now;
  judge_all(now, findings);
  findings.own = unsaid_;
  findings.is_note_due = findings.now - noted_ >= note_every || findings.now < noted_;
  findings.is_forgetting = findings.is_note_due && (!forgot_ || now - *forgot_ >= forget_every);
  if (findings.changes.empty() && findings.own.empty() && !findings.is_note_due) {
    last_look_ = now;
    return ok();
  }
  auto stored = to_.store.commit([&](const Tables& tables) { return record(tables, findings); });
  if (!stored) {
    ++to_.metrics.watch_failures;
    return stored;
  }
  unsaid_.clear();
  if (findings.is_note_due) noted_ = findings.now;
  if (findings.is_forgetting) forgot_ = now;
  follow(findings);
  last_look_ = now;
  return ok();
}

Result<void> Watch::stop() {
  return to_.store.commit([&](const Tables& tables) {
    return tables.facts.set(watching_fact, to_string(to_.clock.now()));
  });
}

bool Watch::is_working() const { return to_.clock.elapsed() - last_look_.load() < works_for; }

}  // namespace holdfast::hub
