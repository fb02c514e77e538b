// SPDX-License-Identifier: Apache-2.0
#include "jobs/intake.hpp"

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "jobs/binding.hpp"
#include "jobs/codes.hpp"
#include "jobs/key_rotation.hpp"
#include "journal/writes.hpp"
#include "schema/limits.hpp"

namespace holdfast::jobs {
namespace {

using Json = nlohmann::json;
using signing::Objection;
using signing::Refusal;
using signing::refusal_of;

constexpr std::size_t longest_message = 1'000;
constexpr Duration remembered_for = std::chrono::hours{24};

std::string print(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What the chain keeps of an accepted job: who let what be done to which guest.
std::string audit_of(const VerifiedJob& verified, const JobRecord& record,
                     const signing::Operators& operators) {
  const Job& job = verified.job;
  Json entry{{"job", job.id},
             {"action", job.action},
             {"payload", "sha256:" + record.payload_sha256},
             {"operators", operators.digest},
             {"expires", to_string(job.expires)},
             {"params", job.params},
             {"reason", job.reason}};
  if (job.guest)
    entry["guest"] = {{"uuid", to_string(job.guest->uuid)},
                      {"incarnation", job.guest->incarnation.value},
                      {"name", job.guest->name}};
  // The text of the new key set is in the job; the chain keeps its digest.
  if (const auto keys = job.params.find(std::string{operators_param}); keys != job.params.end())
    entry["params"][std::string{operators_param}] = digest_of(keys->second);
  entry["signers"] = Json::array();
  for (const auto& signer : verified.signers)
    entry["signers"].push_back({{"name", signer.name}, {"key", fingerprint(signer.key)}});
  return print(entry);
}

}  // namespace

Intake::Intake(IntakeParts parts)
    : parts_{std::move(parts)},
      journaled_refusals_{256, std::chrono::seconds{10}},
      audited_refusals_{32, std::chrono::minutes{1}} {}

Result<Answer> Intake::submit(const std::string& text) {
  const auto envelope = parse_message<JobEnvelope>(text);
  if (envelope) return submit(*envelope);
  JobRecord record;
  record.payload_sha256 = to_hex(sha256(text));
  const std::lock_guard lock{mutex_};
  return refuse({code::malformed_envelope, envelope.error().message()}, std::move(record));
}

Result<Answer> Intake::submit(const JobEnvelope& envelope) {
  const std::lock_guard lock{mutex_};
  const std::string hash = to_hex(sha256(envelope.payload));
  if (auto record = TRY(parts_.journal.job_of_payload(hash)); record && record->accepted_at)
    return Answer{Answer::Kind::known, record->code, record->message, std::move(*record)};
  return judge(envelope, hash);
}

Result<Answer> Intake::judge(const JobEnvelope& envelope, const std::string& payload_sha256) {
  JobRecord record;
  record.payload_sha256 = payload_sha256;
  if (envelope.payload.size() > limits::job_bytes)
    return refuse({code::malformed_envelope, "a job has at most 64 KiB"}, std::move(record));
  if (TRY(parts_.journal.mode()) == DaemonMode::observe_only)
    return defer({code::observe_only,
                  "this daemon only observes until `holdfast recover` has rebuilt its journal"});
  const Time now = parts_.clock.now();
  if (const auto objection = TRY(parts_.guard.object_to(now))) return defer(*objection);
  const auto operators = parts_.operators.read();
  if (!operators) return defer({code::no_operators, operators.error().message()});

  const auto judged = verify_job(envelope, operators->parsed.keys, parts_.policy, now);
  if (const auto* refusal = refusal_of(judged)) return refuse(*refusal, std::move(record));
  const auto& verified = std::get<VerifiedJob>(judged);
  record.id = verified.job.id;
  record.action = verified.job.action;
  record.expires = verified.job.expires;
  if (const auto objection = object_to_window(verified.job, parts_.host_id, now))
    return objection->code == code::not_yet_valid ? defer(*objection)
                                                  : refuse(*objection, std::move(record));
  if (const auto objection = TRY(object_to_guest(verified, record.subject)))
    return refuse(*objection, std::move(record));
  if (TRY(parts_.journal.job_seen(record.id))) {
    const Refusal replay{
        code::replayed_job,
        "job " + record.id + " was accepted before, and each is used once; have a new one signed"};
    return refuse(replay, std::move(record));
  }
  if (record.action == rotation_action)
    if (const auto objection = object_to_rotation(verified.job, *operators, parts_.policy, now))
      return refuse(*objection, std::move(record));
  return accept(envelope, verified, *operators, std::move(record));
}

Result<Objection> Intake::object_to_guest(const VerifiedJob& verified, std::string& subject) {
  const Job& job = verified.job;
  std::optional<Provenance> row;
  if (job.guest) row = TRY(parts_.journal.provenance(job.guest->uuid));
  subject = subject_of(verified, row);
  if (auto objection = object_to_binding(verified, row)) return Objection{std::move(objection)};
  if (!job.guest || !job.fingerprint) return Objection{};
  // A courtesy: the gate asks again, right before the effect. Unknown is not stale.
  const auto print = parts_.guests.fingerprint(job.guest->uuid);
  if (!print || *print == *job.fingerprint) return Objection{};
  return Objection{Refusal{
      code::stale_fingerprint,
      "the guest " + job.guest->name + " has changed since the job was written; look at it again"}};
}

Result<Answer> Intake::accept(const JobEnvelope& envelope, const VerifiedJob& verified,
                              const signing::Operators& operators, JobRecord record) {
  record.state = JobState::accepted;
  record.envelope = to_json(envelope);
  const std::string entry = audit_of(verified, record, operators);
  const auto written = parts_.journal.commit([&](Writes& writes) -> Result<void> {
    TRY(writes.put_job(record));
    TRY(ClockGuard::remember(writes, writes.now()));
    return writes.audit("job", record.subject, entry);
  });
  if (!written) return written.error();
  parts_.log.info("signed job accepted", {{"job", record.id},
                                          {"action", record.action},
                                          {"subject", record.subject},
                                          {"signers", verified.signers.size()}});
  if (parts_.on_accepted) parts_.on_accepted(record.subject);
  if (auto stored = TRY(parts_.journal.job(record.id))) record = std::move(*stored);
  return Answer{Answer::Kind::accepted, {}, {}, std::move(record)};
}

Result<Answer> Intake::refuse(const Refusal& refusal, JobRecord record) {
  record.state = JobState::refused;
  record.code = refusal.code;
  record.message = refusal.message.substr(0, longest_message);
  const Answer answer{Answer::Kind::refused, record.code, record.message, record};
  const auto held = TRY(parts_.journal.job_of_payload(record.payload_sha256));
  if (held && held->code == record.code) return answer;  // said before
  const Duration now = parts_.clock.elapsed();
  if (!journaled_refusals_.take(now)) {
    ++left_out_;
    return answer;
  }
  const bool is_audited = audited_refusals_.take(now);
  const auto written = parts_.journal.commit([&](Writes& writes) -> Result<void> {
    TRY(writes.put_job(record));
    if (!is_audited) return ok();
    Json entry{{"code", record.code},
               {"message", record.message},
               {"payload", "sha256:" + record.payload_sha256}};
    if (!record.id.empty()) entry["job"] = record.id;
    if (left_out_ > 0) entry["leftOut"] = left_out_;
    return writes.audit("job-refused", record.subject.empty() ? "host" : record.subject,
                        print(entry));
  });
  if (!written) return written.error();
  left_out_ = is_audited ? 0 : left_out_ + 1;
  if (is_audited)
    parts_.log.warn("signed job refused",
                    {{"job", record.id}, {"code", record.code}, {"message", record.message}});
  return answer;
}

Answer Intake::defer(const Refusal& refusal) {
  if (deferred_ != refusal.code)
    parts_.log.warn("signed jobs have to wait",
                    {{"code", refusal.code}, {"message", refusal.message}});
  deferred_ = refusal.code;
  return {Answer::Kind::deferred, std::string{refusal.code}, refusal.message, {}};
}

Result<void> Intake::remember_time() {
  const std::lock_guard lock{mutex_};
  const Duration elapsed = parts_.clock.elapsed();
  if (remembered_ && elapsed - *remembered_ < remembered_for) return ok();
  const Time now = parts_.clock.now();
  if (TRY(parts_.guard.object_to(now))) return ok();
  TRY(parts_.journal.commit([&](Writes& writes) { return ClockGuard::remember(writes, now); }));
  remembered_ = elapsed;
  return ok();
}

}  // namespace holdfast::jobs
