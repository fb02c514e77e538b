// SPDX-License-Identifier: Apache-2.0
#include "jobs/verified_job.hpp"

#include "jobs/codes.hpp"

namespace holdfast::jobs {

using signing::Judged;
using signing::Refusal;
using signing::refusal_of;

Judged<VerifiedJob> verify_job(const JobEnvelope& envelope, const signing::KeySet& keys,
                               const Policy& policy, Time now) {
  const signing::Demand least{.name_space = signing::job_namespace, .now = now};
  auto judged = signing::verify_signatures(envelope.payload, envelope.signatures, keys, least);
  if (const auto* refusal = refusal_of(judged)) return *refusal;

  auto parsed = parse_job(envelope.payload, "job");
  if (!parsed) {
    const std::string claimed = action_of_job_text(envelope.payload);
    if (!claimed.empty() && !is_job_action(claimed))
      return Refusal{code::unknown_action, "there is no action " + claimed};
    return Refusal{code::malformed_job, parsed.error().message()};
  }
  VerifiedJob verified;
  verified.job = std::move(*parsed);
  const auto demand = demand_for(verified.job.action, policy, keys, now);
  const bool is_enough = demand.presence == least.presence &&
                         std::get<signing::Endorsement>(judged).signers.size() >= demand.signers;
  if (!is_enough) {
    judged = signing::verify_signatures(envelope.payload, envelope.signatures, keys, demand);
    if (const auto* refusal = refusal_of(judged)) return *refusal;
  }
  verified.signers = std::get<signing::Endorsement>(std::move(judged)).signers;

  const auto meaning = meaning_of(verified.job);
  if (const auto* refusal = refusal_of(meaning)) return *refusal;
  verified.meaning = std::get<Meaning>(meaning);
  return verified;
}

}  // namespace holdfast::jobs
