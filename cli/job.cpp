// SPDX-License-Identifier: Apache-2.0
#include "schema/job.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/follow.hpp"
#include "cli/render.hpp"
#include "cli/signed_file.hpp"
#include "schema/guest.hpp"
#include "signing/codes.hpp"
#include "signing/key_set.hpp"
#include "signing/quorum.hpp"

namespace holdfast::cli {
namespace {

constexpr Duration longest_window = std::chrono::hours{7 * 24};
constexpr Duration poll_interval{500};

// `flag` names another file than `path`.
Result<std::string> keys_of(const std::string& path, const char* flag,
                            const Invocation& invocation) {
  auto text = read_text(path, invocation.environment().in);
  if (!text && text.error().code() == Errc::not_found)
    return Error{Errc::not_found,
                 text.error().message() + "; name the operators' file with " + flag};
  return text;
}

// The guest that is there, under a name that desired state may want for another one.
Result<GuestReport> find_guest(const AdminClient& daemon, const NewJobOptions& options) {
  const bool is_adoption = options.action == "guest.adopt";
  auto named = TRY(daemon.guest(options.guest));
  if (!named.uuid.is_nil() && named.foreign == is_adoption) return named;
  for (GuestReport& other : TRY(daemon.guests()))
    if (other.name == options.guest && !other.uuid.is_nil() && other.foreign == is_adoption)
      return std::move(other);
  if (named.uuid.is_nil())
    return Error{Errc::not_found, "guest " + options.guest + " is wanted and not there yet"};
  return Error{Errc::invalid,
               is_adoption
                   ? "guest " + options.guest + " is Holdfast's already"
                   : "guest " + options.guest +
                         " was not made by Holdfast; only 'job new guest.adopt' is about such"};
}

Result<GuestBinding> bind(const NewJobOptions& options, const AdminClient& daemon,
                          std::optional<std::string>& fingerprint) {
  if (options.uuid.empty()) {
    const auto guest = TRY(find_guest(daemon, options));
    if (options.is_bound_to_look && !guest.fingerprint.empty()) fingerprint = guest.fingerprint;
    // A guest that is not ours yet has no incarnation; its first will be 1.
    return GuestBinding{guest.uuid, guest.foreign ? Incarnation{1} : guest.incarnation,
                        options.guest};
  }
  return GuestBinding{TRY(Uuid::parse(options.uuid)), Incarnation{options.incarnation},
                      options.guest};
}

// What a new job about backups may say; the host refuses the same, after it was signed.
struct BackupAction {
  std::string_view action;
  std::string_view params;  // each between blanks
  bool needs_object;
};
constexpr std::array backup_actions{
    BackupAction{"guest.backup", " note protect ", false},
    BackupAction{"guest.restore", " object name isolated ", true},
    BackupAction{"guest.restore-over", " object verb extraBudget ", true},
};

Result<void> check_params(const BackupAction& known, const Job& job) {
  for (const auto& [name, value] : job.params)
    if (known.params.find(" " + name + " ") == std::string_view::npos)
      return Error{Errc::invalid, job.action + " takes no --param " + name + "; it takes" +
                                      std::string{known.params.substr(0, known.params.size() - 1)}};
  for (const char* flag : {"protect", "isolated"})
    if (const auto found = job.params.find(flag);
        found != job.params.end() && found->second != "true" && found->second != "false")
      return Error{Errc::invalid, std::string{"--param "} + flag + ": expected true or false"};
  if (known.needs_object && job.params.count("object") == 0)
    return Error{Errc::invalid, job.action +
                                    ": say which backup with --param object=ID; see "
                                    "`holdfast get backups`"};
  if (job.action == "guest.restore" &&
      (job.params.count("name") == 0 || !is_guest_name(job.params.at("name"))))
    return Error{Errc::invalid,
                 "guest.restore: say what the new guest is called with --param name=NAME"};
  return ok();
}

Result<void> check_backup_params(const Job& job) {
  for (const BackupAction& known : backup_actions)
    if (job.action == known.action) return check_params(known, job);
  return ok();
}

// The backup that a job speaks of, as the daemon sees it.
Result<BackupReport> find_backup(const AdminClient& daemon, const std::string& id) {
  for (BackupReport& backup : TRY(daemon.backups(""))) {
    if (backup.id != id) continue;
    if (backup.is_ours) return std::move(backup);
    return Error{Errc::invalid, "backup " + id + " was not taken by this installation of Holdfast"};
  }
  return Error{Errc::not_found, "there is no backup " + id + "; see `holdfast get backups`"};
}

// A restore is bound to the guest that the backup is of, which need not be there any more.
Result<void> bind_backup(const NewJobOptions& options, const AdminClient& daemon, Job& job) {
  const bool is_new = job.action == "guest.restore";
  if ((!is_new && job.action != "guest.restore-over") || !options.uuid.empty()) return ok();
  const BackupReport backup = TRY(find_backup(daemon, job.params.at("object")));
  if (!options.guest.empty() && backup.guest != options.guest)
    return Error{Errc::invalid, "backup " + backup.id + " is of guest " + backup.guest +
                                    ", not of " + options.guest};
  if (is_new) job.guest = GuestBinding{backup.uuid, backup.incarnation, backup.guest};
  if (job.guest && job.guest->uuid != backup.uuid)
    return Error{Errc::invalid,
                 "backup " + backup.id + " is of another guest that was called " + backup.guest};
  if (!is_new) return ok();
  for (const GuestReport& guest : TRY(daemon.guests()))
    if (guest.name == job.params.at("name"))
      return Error{Errc::conflict,
                   "the name " + guest.name + " is taken; see `holdfast get guests`"};
  return ok();
}

Result<void> add_params(const NewJobOptions& options, const Invocation& invocation, Job& job) {
  for (const std::string& param : options.params) {
    const std::size_t equals = param.find('=');
    if (equals == std::string::npos || equals == 0)
      return Error{Errc::invalid, "--param " + param + ": expected NAME=VALUE"};
    job.params[param.substr(0, equals)] = param.substr(equals + 1);
  }
  if (options.operators.empty()) return ok();
  job.params["operators"] = TRY(keys_of(options.operators, "--operators", invocation));
  const std::string replaced = TRY(keys_of(options.replaces, "--replaces", invocation));
  job.params["replaces"] = digest_of(replaced);
  const auto before = TRY(signing::parse_allowed_signers(replaced).context(options.replaces));
  const auto after =
      TRY(signing::parse_allowed_signers(job.params["operators"]).context(options.operators));
  for (const auto& problem : after.problems)
    return Error{Errc::invalid,
                 options.operators + ":" + std::to_string(problem.line) + ": " + problem.message};
  for (const std::string& sentence : signing::differences(before.keys, after.keys))
    invocation.say(sentence);
  return ok();
}

// Who signed, by an operators' file; what does not count is in `problems`.
struct Verdict {
  std::vector<signing::Signer> signers{};
  std::vector<std::string> problems{};
};

Result<Verdict> judge(const JobEnvelope& envelope, const VerifyJobOptions& options,
                      const Invocation& invocation) {
  const std::string text = TRY(keys_of(options.operators, "--operators", invocation));
  const auto set = TRY(signing::parse_allowed_signers(text).context(options.operators));
  Verdict verdict;
  for (const auto& problem : set.problems)
    invocation.say(options.operators + ":" + std::to_string(problem.line) +
                   " does not count: " + problem.message);
  const auto judged = signing::verify_signatures(
      envelope.payload, envelope.signatures, set.keys,
      {.name_space = signing::job_namespace, .signers = options.signers, .now = invocation.now()});
  if (const auto* refusal = signing::refusal_of(judged)) {
    verdict.problems.push_back(std::string{refusal->code} + ": " + refusal->message);
  } else {
    const auto& endorsement = std::get<signing::Endorsement>(judged);
    verdict.signers = endorsement.signers;
    for (const auto& left_out : endorsement.uncounted)
      invocation.say("does not count: " + left_out.message);
  }
  return verdict;
}

void judge_window(const Job& job, Time now, Verdict& verdict) {
  if (now >= job.expires)
    verdict.problems.push_back("Expired: it was good until " + to_string(job.expires));
  if (now < job.not_before)
    verdict.problems.push_back("NotYetValid: it is good from " + to_string(job.not_before));
  if (job.expires - job.not_before > longest_window)
    verdict.problems.emplace_back("WindowTooLong: 7 days are the most");
}

// Until it has ended, or its operation, which is then followed with its progress.
Result<Exit> follow_job(const Invocation& invocation, const std::string& id, Duration limit) {
  const auto daemon = invocation.daemon();
  const Clock& clock = invocation.environment().clock;
  const Duration deadline = clock.elapsed() + limit;
  bool is_followed = false;
  while (true) {
    const auto job = TRY(daemon.job(id));
    if (job.state == JobState::done) {
      invocation.say("job " + id + " is done");
      return Exit::done;
    }
    if (job.state == JobState::refused || job.state == JobState::failed)
      return Error{Errc::denied, "job " + id + " " + std::string{to_string(job.state)} + ": " +
                                     job.code + (job.code.empty() ? "" : ": ") + job.message};
    if (clock.elapsed() >= deadline) {
      invocation.say("job " + id + " is still " + std::string{to_string(job.state)});
      return Exit::differs;
    }
    if (!job.operation.empty() && !is_followed) {
      is_followed = true;
      const auto operation = TRY(parse_operation_id(job.operation));
      TRY(follow_operation(invocation, operation, deadline - clock.elapsed()));
      continue;
    }
    invocation.environment().sleep(poll_interval);
  }
}

Error signed_before(const std::string& file) {
  return Error{Errc::conflict,
               "whoever has these keys has signed it before, and each key counts once; hand it in "
               "with `holdfast job submit " +
                   file + "`"};
}

// Adding to what others signed, if `path` is an envelope: the same bytes, or nothing.
Result<void> take_over_signatures(const std::string& path, JobEnvelope& envelope) {
  std::istringstream none;
  const auto held = read_signed_file(path, none);
  if (!held || !held->is_envelope) return ok();
  if (held->envelope.payload != envelope.payload)
    return Error{Errc::conflict, path + " holds another job; name another file with --to"};
  envelope.signatures = held->envelope.signatures;
  return ok();
}

Error no_such_action(const std::string& action) {
  std::string known;
  for (const std::string_view name : job_actions())
    known.append(known.empty() ? "" : ", ").append(name);
  return Error{Errc::invalid, "there is no action " + action + "; it is one of " + known};
}

}  // namespace

Result<Exit> job_new(const Invocation& invocation, const NewJobOptions& options) {
  Job job;
  SystemRandom random;
  job.id = random_hex_id(random);
  job.action = options.action;
  if (!is_job_action(job.action)) return no_such_action(job.action);
  const auto daemon = invocation.daemon();
  job.host_id = options.host_id;
  if (job.host_id.empty()) job.host_id = TRY(daemon.status()).host_id;
  TRY(add_params(options, invocation, job));
  TRY(check_backup_params(job));
  const bool is_of_backup = job.action == "guest.restore" && options.uuid.empty();
  if (!options.guest.empty() && !is_of_backup)
    job.guest = TRY(bind(options, daemon, job.fingerprint));
  TRY(bind_backup(options, daemon, job));
  if (job.action.starts_with("guest.") && !job.guest)
    return Error{Errc::invalid, job.action + " is about a guest: say which with --guest NAME"};
  job.not_before = invocation.now();
  job.expires = job.not_before + options.valid;
  if (options.valid > longest_window)
    return Error{Errc::invalid, "--valid: a job is good for 7 days at most"};
  if (job.action == "guest.adopt") job.params.try_emplace("object", options.guest);
  job.reason = options.reason;
  const std::string text = to_json(job);
  TRY(parse_job(text, "the new job"));
  if (options.file.empty()) {
    invocation.environment().out << text << std::flush;
  } else {
    TRY(write_text(options.file, text));
    invocation.say("wrote " + options.file + "; sign it with `holdfast job sign " + options.file +
                   " -k KEY`");
  }
  return Exit::done;
}

Result<Exit> job_sign(const Invocation& invocation, const SignJobOptions& options) {
  auto file = TRY(read_signed_file(options.file, invocation.environment().in));
  const std::string to = !options.to.empty()   ? options.to
                         : file.is_envelope    ? options.file
                         : options.file == "-" ? ""
                                               : envelope_path(options.file);
  if (!file.is_envelope && !to.empty()) TRY(take_over_signatures(to, file.envelope));
  const Job job = TRY(parse_job(file.envelope.payload, options.file));
  invocation.environment().err << describe_job(job, invocation.now(), invocation.message_style());
  if (TRY(sign_envelope(file.envelope, options.keys, invocation.environment())) == 0)
    return signed_before(to.empty() ? options.file : to);
  const std::string text = to_json(file.envelope) + "\n";
  if (to.empty()) {
    invocation.environment().out << text << std::flush;
    return Exit::done;
  }
  TRY(write_text(to, text));
  invocation.say(to + " has " + std::to_string(file.envelope.signatures.size()) +
                 " signatures; hand it to the host with `holdfast job submit " + to + "`");
  return Exit::done;
}

Result<Exit> job_verify(const Invocation& invocation, const VerifyJobOptions& options) {
  const auto file = TRY(read_signed_file(options.file, invocation.environment().in));
  auto verdict = TRY(judge(file.envelope, options, invocation));
  const Job job = TRY(parse_job(file.envelope.payload, options.file));
  judge_window(job, invocation.now(), verdict);
  nlohmann::json report{{"job", nlohmann::json::parse(to_json(job), nullptr, false)},
                        {"signers", nlohmann::json::array()},
                        {"problems", verdict.problems}};
  for (const auto& signer : verdict.signers)
    report["signers"].push_back({{"name", signer.name}, {"key", fingerprint(signer.key)}});
  TRY(invocation.show(report.dump(), [&] {
    std::string text = describe_job(job, invocation.now(), invocation.style());
    for (const auto& signer : verdict.signers)
      text += "Signed by:     " + printable(signer.name) + " (" + fingerprint(signer.key) + ")\n";
    return text;
  }));
  if (verdict.problems.empty()) return Exit::done;
  return Error{Errc::denied, "a host would refuse it: " + verdict.problems.front()};
}

Result<Exit> submit(const Invocation& invocation, const JobEnvelope& envelope,
                    const std::optional<Duration>& wait) {
  const auto job = TRY(invocation.daemon().submit_job(to_json(envelope)));
  TRY(invocation.show(to_json(job), [&] {
    return "job " + job.id + " " + std::string{to_string(job.state)} + ": " + job.action + " of " +
           printable(job.subject) + "\n";
  }));
  if (wait) return follow_job(invocation, job.id, *wait);
  if (invocation.is_for_people())
    invocation.say("see what becomes of it with `holdfast get job " + job.id + "`, or use --wait");
  return Exit::done;
}

Result<Exit> job_submit(const Invocation& invocation, const SubmitJobOptions& options) {
  const auto file = TRY(read_signed_file(options.file, invocation.environment().in));
  if (file.envelope.signatures.empty())
    return Error{Errc::invalid,
                 options.file + " is not signed; `holdfast job sign " + options.file + " -k KEY`"};
  return submit(invocation, file.envelope, options.wait);
}

Result<Exit> ticket_sign(const Invocation& invocation, const SignTicketOptions& options) {
  const auto ticket = TRY(invocation.daemon().ticket(options.ticket));
  const std::string to = options.to.empty() ? "ticket-" + ticket.id + ".signed.json" : options.to;
  JobEnvelope envelope{ticket.job, {}};
  std::istringstream none;
  if (const auto held = read_signed_file(to, none);
      held && held->is_envelope && held->envelope.payload == ticket.job)
    envelope.signatures = held->envelope.signatures;  // somebody signed before
  invocation.environment().err << describe_ticket(ticket, invocation.now(),
                                                  invocation.message_style());
  const std::size_t added = TRY(sign_envelope(envelope, options.keys, invocation.environment()));
  if (added == 0 && !options.is_submitted) return signed_before(to);
  if (options.is_submitted && options.to.empty()) {
    auto submitted = submit(invocation, envelope, options.wait);
    if (submitted || submitted.error().code() != Errc::unavailable) return submitted;
    // Not now, which is no reason to touch the token again later.
    TRY(write_text(to, to_json(envelope) + "\n"));
    invocation.say("signed, and kept as " + to + "; hand it in later with `holdfast job submit " +
                   to + "`");
    return submitted;
  }
  TRY(write_text(to, to_json(envelope) + "\n"));
  invocation.say("wrote " + to + "; hand it to the host with `holdfast job submit " + to + "`");
  return options.is_submitted ? submit(invocation, envelope, options.wait) : Exit::done;
}

}  // namespace holdfast::cli
