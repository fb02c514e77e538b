// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "base/sha256.hpp"
#include "hub/operator_desk.hpp"
#include "schema/limits.hpp"

namespace holdfast::hub {
namespace {

HubJobReport report_of(const StoredJob& job) {
  return {.payload = job.digest,
          .state = job.state,
          .job = job.job,
          .code = job.code,
          .message = job.message,
          .operation = job.operation,
          .signatures = static_cast<std::uint32_t>(job.envelope.signatures.size()),
          .created = job.created,
          .updated = job.updated,
          .author = job.author};
}

// A second operator's signature joins the first one's.
Result<void> add_signatures(StoredJob& job, const std::vector<std::string>& more) {
  auto& all = job.envelope.signatures;
  for (const auto& signature : more)
    if (std::find(all.begin(), all.end(), signature) == all.end()) all.push_back(signature);
  if (all.size() <= limits::job_signatures) return ok();
  return Error{Errc::invalid, "found " + std::to_string(all.size()) +
                                  " signatures with those it had, expected at most " +
                                  std::to_string(limits::job_signatures)};
}

// The job as it is to be stored: new, or with more signatures.
Result<StoredJob> merged(const Tables& tables, const std::string& host, const JobEnvelope& envelope,
                         StoredJob fresh) {
  auto known = TRY(tables.jobs.find(host, fresh.digest));
  if (!known) {
    if (TRY(tables.jobs.open(host, max_open_jobs)).size() == max_open_jobs)
      return Error{Errc::exhausted, "this host has " + std::to_string(max_open_jobs) +
                                        " jobs without a result: no more until it has answered"};
    return fresh;
  }
  if (is_final(*known))
    return Error{Errc::conflict, "this job has its result already: " + known->state};
  known->envelope.payload = envelope.payload;
  TRY(add_signatures(*known, envelope.signatures));
  return *known;
}

}  // namespace

Result<HubJobReport> OperatorDesk::put_job(const std::string& id, const std::string& envelope,
                                           const std::string& author) {
  const auto parsed = TRY(parse_message<JobEnvelope>(envelope));
  if (parsed.signatures.empty())
    return Error{Errc::invalid,
                 "job envelope: /signatures: found none, expected at least one; no host would "
                 "take it"};
  StoredJob job{.digest = digest_of(parsed.payload),
                .envelope = parsed,
                .author = author,
                .created = to_.clock.now()};
  const auto stored = to_.store.commit([&](const Tables& tables) -> Result<void> {
    job = TRY(merged(tables, id, parsed, job));
    return tables.jobs.put(id, job);
  });
  if (!stored) return stored.error();
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(id);
    if (found == known->by_id.end()) return Error{Errc::not_found, "this host was removed"};
    found->second.open_jobs.insert(job.digest);
    found->second.sent_jobs.erase(job.digest);  // with other signatures it is news
  }
  polls_.wake(id);
  ++to_.metrics.jobs_queued;
  to_.log.info("job queued", {{"host", id}, {"job", job.digest}, {"operator", author}});
  return report_of(job);
}

Result<std::vector<HubJobReport>> OperatorDesk::jobs(const std::string& id,
                                                     std::size_t limit) const {
  const auto list =
      TRY(to_.store.get([&](const Tables& tables) { return tables.jobs.list(id, limit); }));
  std::vector<HubJobReport> reports;
  reports.reserve(list.size());
  for (const auto& job : list) reports.push_back(report_of(job));
  return reports;
}

}  // namespace holdfast::hub
