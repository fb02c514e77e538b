// SPDX-License-Identifier: Apache-2.0
#include "jobs/signed_jobs.hpp"

#include "base/sha256.hpp"
#include "jobs/authority_issuer.hpp"
#include "jobs/codes.hpp"

namespace holdfast::jobs {
namespace {

using signing::refusal_of;

Error denied(const std::string& job_id, std::string_view code, const std::string& message) {
  return {Errc::denied, "job " + job_id + ": " + std::string{code} + ": " + message};
}

}  // namespace

// "job <id>: <code>: ...", perhaps behind what others were doing.
std::string code_in(const Error& error) {
  const std::string& text = error.message();
  const std::size_t start = text.find("job ");
  if (start == std::string::npos) return {};
  const std::size_t code = text.find(": ", start);
  if (code == std::string::npos) return {};
  const std::size_t end = text.find(": ", code + 2);
  if (end == std::string::npos) return {};
  const std::string word = text.substr(code + 2, end - code - 2);
  return word.find(' ') == std::string::npos ? word : std::string{};
}

Result<std::optional<VerifiedJob>> SignedJobs::find(const std::string& job_id) const {
  const auto record = TRY(journal_.job(job_id));
  if (!record || !record->accepted_at || has_ended(record->state))
    return std::optional<VerifiedJob>{};
  const Time now = clock_.now();
  if (const auto objection = TRY(guard_.object_to(now)))
    return Error{Errc::unavailable, std::string{objection->code} + ": " + objection->message};
  const auto envelope = parse_message<JobEnvelope>(record->envelope);
  // What the row says of itself is believed as little as the rest of it.
  if (!envelope || to_hex(sha256(envelope->payload)) != record->payload_sha256)
    return denied(job_id, code::malformed_envelope, "what the journal holds is not what was sent");
  const auto operators = operators_.read();
  if (!operators)
    return Error{Errc::unavailable,
                 std::string{code::no_operators} + ": " + operators.error().message()};
  auto judged = verify_job(*envelope, operators->parsed.keys, policy_, now);
  if (const auto* refusal = refusal_of(judged))
    return denied(job_id, refusal->code, refusal->message);
  auto verified = std::get<VerifiedJob>(std::move(judged));
  if (verified.job.id != job_id)
    return denied(job_id, code::malformed_job, "what was signed is job " + verified.job.id);
  if (verified.job.host_id != host_id_)
    return denied(job_id, code::wrong_host, "it was signed for host " + verified.job.host_id);
  return std::optional{std::move(verified)};
}

Result<std::optional<gate::Authority>> SignedJobs::authority(const std::string& job_id) const {
  const auto found = TRY(find(job_id));
  if (!found || !found->meaning.verb) return std::optional<gate::Authority>{};
  const Job& job = found->job;
  gate::SignedOrder order;
  order.job_id = job.id;
  order.verb = *found->meaning.verb;
  if (job.guest) {
    order.uuid = job.guest->uuid;
    order.incarnation = job.guest->incarnation;
  }
  order.expires = job.expires;
  order.fingerprint = job.fingerprint.value_or("");
  order.extra_budget = extra_budget_of(job);
  order.object = object_of(job);
  return std::optional{gate::AuthorityIssuer::issue(std::move(order))};
}

}  // namespace holdfast::jobs
