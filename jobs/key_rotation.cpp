// SPDX-License-Identifier: Apache-2.0
#include "jobs/key_rotation.hpp"

#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "jobs/codes.hpp"
#include "journal/runner.hpp"
#include "journal/writes.hpp"

namespace holdfast::jobs {
namespace {

using Json = nlohmann::json;
using signing::Objection;
using signing::Refusal;

const std::string host_subject = "host";

std::string param(const Job& job, std::string_view name) {
  const auto found = job.params.find(std::string{name});
  return found == job.params.end() ? std::string{} : found->second;
}

// The most operators that anything takes: fewer keys than that could never sign it.
std::size_t most_demanded(const Policy& policy) {
  std::size_t most = 1;
  for (const auto& [action, signers] : policy.signers) most = std::max<std::size_t>(most, signers);
  return most;
}

// What an operation needs to be found done: nothing in it is believed to do it.
struct Input {
  std::string job{};
  std::string replaces{};
  std::string becomes{};
};

std::string to_text(const Input& input) {
  return Json{{"job", input.job}, {"replaces", input.replaces}, {"becomes", input.becomes}}.dump();
}

Result<Input> read_input(const std::string& text) {
  const auto json = Json::parse(text, nullptr, false);
  Input input;
  for (const auto& [name, member] :
       {std::pair{"job", &input.job}, {"replaces", &input.replaces}, {"becomes", &input.becomes}}) {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string())
      return Error{Errc::corrupt, "the input of keys.rotate cannot be read"};
    *member = json[name].get<std::string>();
  }
  return input;
}

Error as_error(const Refusal& refusal) {
  return {Errc::denied, std::string{refusal.code} + ": " + refusal.message};
}

std::string audit_text(const std::string& job, const std::string& message) {
  return Json{{"job", job}, {"message", message}}.dump(-1, ' ', false,
                                                       Json::error_handler_t::replace);
}

// What failed otherwise has no code of its own.
std::string code_of(const std::string& cause) {
  for (const std::string_view known : {code::stale_key_set, code::bad_key_set})
    if (cause.find(std::string{known} + ":") != std::string::npos) return std::string{known};
  return "NotRotated";
}

}  // namespace

Objection object_to_rotation(const Job& job, const signing::Operators& in_force,
                             const Policy& policy, Time now) {
  const std::string text = param(job, operators_param);
  if (text.empty() || param(job, replaces_param).empty())
    return Refusal{code::bad_params,
                   "keys.rotate takes params.operators (the new file's text) and params.replaces "
                   "(the digest of the one in force, as `holdfast job new keys.rotate` writes it)"};
  if (param(job, replaces_param) != in_force.digest)
    return Refusal{code::stale_key_set,
                   "the operators' keys were changed since this was written: it replaces " +
                       param(job, replaces_param) + ", and in force is " + in_force.digest};
  const auto next = signing::parse_allowed_signers(text);
  if (!next) return Refusal{code::bad_key_set, "the new set: " + next.error().message()};
  if (!next->problems.empty())
    return Refusal{code::bad_key_set, "line " + std::to_string(next->problems.front().line) +
                                          " of the new set: " + next->problems.front().message};
  const std::size_t usable = next->keys.usable(signing::job_namespace, now);
  if (usable < most_demanded(policy))
    return Refusal{code::bad_key_set,
                   "the new set has " + std::to_string(usable) + " keys that may sign jobs, and " +
                       std::to_string(most_demanded(policy)) +
                       " are needed: nothing could be signed on this host any more"};
  return std::nullopt;
}

Result<std::optional<Duration>> KeyRotation::run() {
  const auto operation = TRY(take_up());
  if (!operation) return std::optional<Duration>{};
  return go_on(*operation);
}

Result<std::optional<Operation>> KeyRotation::take_up() {
  if (auto open = TRY(journal_.unfinished(host_subject))) {
    if (open->kind != rotation_kind || open->state == OperationState::stuck)
      return std::optional<Operation>{};
    return std::optional{std::move(*open)};
  }
  for (const JobRecord& record : TRY(journal_.waiting_jobs(host_subject)))
    if (record.action == rotation_action) return begin(record);
  return std::optional<Operation>{};
}

// The operation begins and the job stops waiting in one commit: it is begun at most once.
Result<std::optional<Operation>> KeyRotation::begin(const JobRecord& record) {
  const auto verified = jobs_.find(record.id);
  if (!verified && verified.error().code() != Errc::denied) return verified.error();
  if (!verified || !*verified) {
    const std::string why = verified ? "it is not signed" : verified.error().message();
    std::string code = verified ? "Unsigned" : code_in(verified.error());
    const auto write = [&](Writes& writes) -> Result<void> {
      TRY(writes.job_ended(record.id, JobState::refused, code, why));
      return writes.audit("job-refused", host_subject, audit_text(record.id, why));
    };
    TRY(journal_.commit(write));
    return std::optional<Operation>{};
  }
  const Job& job = (*verified)->job;
  const std::string input = to_text({.job = job.id,
                                     .replaces = param(job, replaces_param),
                                     .becomes = digest_of(param(job, operators_param))});
  OperationId id;
  const auto write = [&](Writes& writes) -> Result<void> {
    id = TRY(writes.begin(rotation_kind, host_subject, input, false));
    return writes.job_running(job.id, id);
  };
  TRY(journal_.commit(write));
  return std::optional{TRY(journal_.operation(id))};
}

// Judged by the set in force at this moment, once more.
Result<void> KeyRotation::exchange(const std::string& job_id, const std::string& replaces) const {
  const auto verified = TRY(jobs_.find(job_id));
  if (!verified) return Error{Errc::denied, "job " + job_id + " is not signed"};
  const auto in_force = TRY(file_.read());
  if (const auto objection = object_to_rotation(verified->job, in_force, policy_, clock_.now()))
    return as_error(*objection);
  return file_.replace(param(verified->job, operators_param), replaces);
}

Result<std::optional<Duration>> KeyRotation::go_on(const Operation& operation) {
  const Input input = TRY(read_input(operation.input));
  Step step;
  step.name = "exchange";
  step.input = input.becomes;
  step.probe = [&]() -> Result<Probe> {
    const auto in_force = file_.read();
    if (!in_force) return Probe::cannot_tell(in_force.error().message());
    return in_force->digest == input.becomes ? Probe::applied() : Probe::not_applied();
  };
  std::string cause = operation.cause;
  step.apply = [&]() -> Result<Effect> {
    const auto exchanged = exchange(input.job, input.replaces);
    if (exchanged) return Effect::done();
    cause = exchanged.error().message();
    return exchanged.error();
  };
  step.no_return = true;
  RunPolicy policy;
  policy.on_success = [&](Writes& writes) -> Result<void> {
    TRY(writes.job_ended(input.job, JobState::done, "", "the operators' keys were exchanged"));
    return writes.audit("keys", host_subject,
                        Json{{"job", input.job},
                             {"replaced", input.replaces},
                             {"inForce", input.becomes},
                             {"operation", to_string(operation.id)}}
                            .dump());
  };
  policy.on_rollback = [&](Writes& writes, const Error&) -> Result<void> {
    TRY(writes.job_ended(input.job, JobState::failed, code_of(cause), cause));
    return writes.audit("job-failed", host_subject, audit_text(input.job, cause));
  };
  const auto outcome = TRY(holdfast::run(journal_, operation, {step}, policy));
  if (outcome.kind == RunOutcome::Kind::succeeded)
    log_.info("operators' keys exchanged", {{"job", input.job}, {"digest", input.becomes}});
  if (outcome.kind == RunOutcome::Kind::waiting) return std::optional{outcome.look_again};
  if (outcome.kind == RunOutcome::Kind::stuck) return std::optional<Duration>{};
  return std::optional{Duration{0}};  // another one may wait
}

}  // namespace holdfast::jobs
