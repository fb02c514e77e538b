// SPDX-License-Identifier: Apache-2.0
#include "controller/mass_change.hpp"

#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace holdfast {
namespace {

Result<std::vector<JobRecord>> waiting_orders(const Journal& journal) {
  auto jobs = TRY(journal.waiting_jobs(host_subject));
  std::erase_if(jobs, [](const JobRecord& job) {
    return job.action != gate::job_action(gate::Verb::allow_mass_change);
  });
  return jobs;
}

Result<void> write_end(Writes& writes, const JobRecord& job, JobState state,
                       const std::string& code, const std::string& message) {
  TRY(writes.job_ended(job.id, state, code, message));
  nlohmann::json entry{{"job", job.id}, {"action", job.action}, {"state", to_string(state)}};
  if (!code.empty()) entry["code"] = code;
  return writes.audit("job", job.subject, entry.dump());
}

Result<void> refuse(Journal& journal, const JobRecord& job, const std::string& code,
                    const std::string& message) {
  return journal.commit(
      [&](Writes& writes) { return write_end(writes, job, JobState::refused, code, message); });
}

}  // namespace

Result<void> end_as_done(Writes& writes, const JobRecord& job, std::uint64_t generation) {
  return write_end(writes, job, JobState::done, "",
                   "generation " + std::to_string(generation) + " was accepted");
}

Result<void> end_expired_mass_changes(const MassChangeParts& parts) {
  for (const JobRecord& job : TRY(waiting_orders(parts.journal)))
    if (parts.clock.now() >= job.expires)
      TRY(refuse(parts.journal, job, "Expired", "it expired while it waited for its mass change"));
  return ok();
}

Result<std::optional<JobRecord>> find_allowing_job(const MassChangeParts& parts,
                                                   const gate::Facts& facts,
                                                   const gate::TicketDetail& detail) {
  for (const JobRecord& job : TRY(waiting_orders(parts.journal))) {
    gate::Facts asked = facts;
    asked.requester = gate::Requester::job;
    const auto found = parts.authorities.find(job.id);
    if (!found) continue;  // cannot be judged now, and must not hold up the host: it waits
    asked.authority = *found;
    if (!asked.authority) {
      TRY(refuse(parts.journal, job, "NotVerified",
                 "its signatures are not accepted any more; have it signed anew"));
      continue;
    }
    const auto answer = TRY(parts.gate.ask(asked, detail));
    if (std::holds_alternative<gate::Permit>(answer)) return std::optional{job};
    const gate::Decision& no = std::get<gate::Refusal>(answer).decision;
    TRY(refuse(parts.journal, job, std::string{no.code}, no.sentence));
  }
  return std::optional<JobRecord>{};
}

}  // namespace holdfast
