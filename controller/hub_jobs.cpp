// SPDX-License-Identifier: Apache-2.0
#include "controller/hub_jobs.hpp"

#include <string_view>

#include "journal/writes.hpp"

namespace holdfast {
namespace {

constexpr std::string_view digest_prefix = "sha256:";

JobResult to_result(const JobRecord& record) {
  return {.payload = std::string{digest_prefix} + record.payload_sha256,
          .job = record.id,
          .state = record.state,
          .code = record.code,
          .message = record.message,
          .operation = record.operation.value == 0 ? "" : to_string(record.operation),
          .at = record.ended_at.value_or(record.received_at)};
}

}  // namespace

Result<void> HubJobs::take(const JobEnvelope& envelope) {
  const auto answer = TRY(intake_.submit(envelope));
  if (answer.kind != jobs::Answer::Kind::deferred) return ok();
  return Error{Errc::unavailable, answer.code + ": " + answer.message};
}

Result<std::vector<JobResult>> HubJobs::results(std::size_t most) {
  std::vector<JobResult> results;
  for (const JobRecord& record : TRY(journal_.unacknowledged_jobs(most)))
    results.push_back(to_result(record));
  return results;
}

Result<void> HubJobs::acknowledge(const std::vector<std::string>& payloads) {
  return journal_.commit([&](Writes& writes) -> Result<void> {
    for (const std::string& payload : payloads)
      TRY(writes.job_acknowledged(std::string_view{payload}.substr(digest_prefix.size())));
    return ok();
  });
}

}  // namespace holdfast
