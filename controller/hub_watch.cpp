// SPDX-License-Identifier: Apache-2.0
#include "controller/hub_watch.hpp"

#include <algorithm>
#include <chrono>

#include "controller/reports.hpp"

namespace holdfast {
namespace {

constexpr Duration longest_skew = std::chrono::hours{24 * 3650};  // that a report can carry
// Below it a difference of clocks is the way to the hub and back.
constexpr Duration least_skew{1000};

ConditionRecord condition(const char* type, bool holds, const char* good, const char* bad,
                          const std::string& message) {
  return {.type = type,
          .status = holds ? ConditionStatus::yes : ConditionStatus::no,
          .reason = holds ? good : bad,
          .message = message};
}

const char* state_word(const HubStanding& standing, bool is_answering) {
  if (standing.last_sync && standing.error.empty()) return "connected";
  if (!is_answering) return "silent";
  return standing.last_sync ? "retrying" : "connecting";
}

}  // namespace

void HubWatch::await_enrolment(const std::string& url, const std::string& problem) {
  *where_.lock() = {url, false, problem};
}
void HubWatch::enrolled(const std::string& url) { *where_.lock() = {url, true, {}}; }

std::optional<HubReport> HubWatch::report() const {
  const Where where = *where_.lock();
  if (where.url.empty()) return std::nullopt;
  HubReport report{.url = where.url, .state = "not enrolled"};
  if (!where.is_enrolled) {
    report.message = (where.problem.empty() ? std::string{} : where.problem + "; ") +
                     "enrol with `holdfast enroll --hub " + where.url + " TOKEN`";
    return report;
  }
  const HubStanding standing = board_.standing();
  const auto judged = judge_hub(standing, where.url, {}, clock_.now(), clock_.elapsed());
  report.state = state_word(standing, judged.is_answering);
  report.message = !standing.clock_problem.empty() ? standing.clock_problem : standing.error;
  report.last_sync = standing.last_sync;
  report.last_heartbeat = standing.last_beat;
  if (standing.skew) {
    const Duration skew = std::clamp(*standing.skew, -longest_skew, longest_skew);
    if (skew >= least_skew) report.clock_ahead = skew;
    if (-skew >= least_skew) report.clock_behind = -skew;
  }
  return report;
}

std::vector<ConditionRecord> HubWatch::conditions(const std::optional<Time>& last_contact) const {
  const Where where = *where_.lock();
  if (where.url.empty()) return {};
  if (!where.is_enrolled)
    return {condition(
        "HubAnswers", false, "", "NotEnrolled",
        (where.problem.empty() ? "this host is not enrolled at " + where.url : where.problem) +
            "; get a token there and run `holdfast enroll`")};
  const auto judged =
      judge_hub(board_.standing(), where.url, last_contact, clock_.now(), clock_.elapsed());
  return {
      condition("HubAnswers", judged.is_answering, "Answered", "HubSilent",
                judged.answering_message),
      condition("HubFresh", judged.is_fresh, "Fresh", "DesiredStateFrozen", judged.fresh_message)};
}

AlarmNote make_alarm_note(const std::string& host_id, const std::optional<Held>& held,
                          const std::vector<ConditionRecord>& host_conditions) {
  AlarmNote note{.host_id = host_id};
  if (held) {
    note.generation = held->generation;
    note.digest = held->digest;
  }
  for (const ConditionRecord& record : host_conditions)
    if (record.status == ConditionStatus::no) note.alarms.push_back(to_report(record));
  return note;
}

}  // namespace holdfast
