// SPDX-License-Identifier: Apache-2.0
#include "controller/daemon_control.hpp"
#include "controller/reports.hpp"

// Signed jobs at the admin socket: root on the host brings them as a hub does, and they are
// believed for their signatures alone.
namespace holdfast {

api::JobReport to_report(const JobRecord& record) {
  return {.id = record.id,
          .payload = "sha256:" + record.payload_sha256,
          .action = record.action,
          .subject = record.subject,
          .state = record.state,
          .code = record.code,
          .message = record.message,
          .operation = record.operation.value > 0 ? to_string(record.operation) : "",
          .received = record.received_at,
          .expires = record.expires,
          .ended = record.ended_at.value_or(Time{})};
}

Result<std::vector<api::JobReport>> DaemonControl::jobs(std::size_t limit) {
  std::vector<api::JobReport> reports;
  for (const JobRecord& record : TRY(engine_.journal().jobs(limit)))
    reports.push_back(to_report(record));
  return reports;
}

Result<api::JobReport> DaemonControl::job(const std::string& id) {
  if (const auto record = TRY(engine_.journal().job(id))) return to_report(*record);
  return Error{Errc::not_found, "no job " + id + " came here; see `holdfast get jobs`"};
}

Result<api::JobReport> DaemonControl::submit_job(const std::string& envelope) {
  if (orders_ == nullptr) return Error{Errc::denied, "this daemon takes no signed jobs"};
  const jobs::Answer answer = TRY(orders_->intake().submit(envelope));
  switch (answer.kind) {
    case jobs::Answer::Kind::accepted: return to_report(answer.record);
    case jobs::Answer::Kind::known:
      if (!has_ended(answer.record.state)) return to_report(answer.record);
      return Error{Errc::conflict, "ReplayedJob: job " + answer.record.id + " was used and is " +
                                       std::string{to_string(answer.record.state)} +
                                       "; each is used once, have a new one signed"};
    case jobs::Answer::Kind::refused:
      return Error{Errc::denied, answer.code + ": " + answer.message};
    case jobs::Answer::Kind::deferred:
      return Error{Errc::unavailable, answer.code + ": " + answer.message};
  }
  return Error{Errc::internal, "an answer of no kind"};
}

}  // namespace holdfast
