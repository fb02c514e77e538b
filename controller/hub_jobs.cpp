// SPDX-License-Identifier: Apache-2.0
#include "controller/hub_jobs.hpp"

#include <string_view>

#include "journal/writes.hpp"
#include "schema/limits.hpp"

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
  if (answer.kind == jobs::Answer::Kind::deferred)
    return Error{Errc::unavailable, answer.code + ": " + answer.message};
  if (!has_ended(answer.record.state)) return ok();
  // As it was kept, with its time; refusals that came too fast are not kept.
  const auto kept = TRY(journal_.job_of_payload(answer.record.payload_sha256));
  auto result = to_result(kept && kept->state == answer.record.state ? *kept : answer.record);
  auto again = again_.lock();
  if (again->size() < limits::job_results_per_sync)
    again->insert_or_assign(result.payload, std::move(result));
  return ok();
}

Result<std::vector<JobResult>> HubJobs::results(std::size_t most) {
  auto again = *again_.lock();
  std::vector<JobResult> results;
  for (const JobRecord& record : TRY(journal_.unacknowledged_jobs(most))) {
    results.push_back(to_result(record));
    again.erase(results.back().payload);
  }
  for (auto& [payload, result] : again)
    if (results.size() < most) results.push_back(std::move(result));
  return results;
}

Result<void> HubJobs::acknowledge(const std::vector<std::string>& payloads) {
  {
    auto again = again_.lock();
    for (const std::string& payload : payloads) again->erase(payload);
  }
  return journal_.commit([&](Writes& writes) -> Result<void> {
    for (const std::string& payload : payloads)
      TRY(writes.job_acknowledged(std::string_view{payload}.substr(digest_prefix.size())));
    return ok();
  });
}

}  // namespace holdfast
