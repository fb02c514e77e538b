// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/command_line.hpp"
#include "schema/job.hpp"
#include "schema/quantity.hpp"

namespace holdfast::cli {
namespace {

void add_keys(CLI::App* command, std::vector<std::string>& keys) {
  command
      ->add_option("-k,--key", keys,
                   "Operator's key, as ssh-keygen -f takes it: a private key, or a .pub whose "
                   "private half is in an agent or on a token; repeatable")
      ->required()
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
}

void declare_new(CLI::App& job, Words& words) {
  const auto options = std::make_shared<NewJobOptions>();
  auto* command = add_command(
      job, {"new", "Write a job file. Asks the daemon for what is not given",
            "holdfast job new guest.destroy --guest acme --reason 'contract ended' > job.json\n"
            "holdfast job new guest.shrink --guest acme --param object='root 8Gi' -f job.json\n"
            "holdfast job new guest.backup --guest acme -p note='before 2.0' -p protect=true\n"
            "holdfast job new guest.restore -p object=ID -p name=copy -p isolated=true\n"
            "holdfast job new guest.restore-over --guest acme -p object=ID\n"
            "holdfast job new keys.rotate --operators new-operators -f rotate.json\n"
            "holdfast job new guest.undelete --host-id 9f86... --guest acme --uuid 3f1c... "
            "--incarnation 3"});
  std::string actions;
  for (const std::string_view action : job_actions())
    actions.append(actions.empty() ? "{" : ",").append(action);
  command->add_option("ACTION", options->action, "What is ordered")
      ->required()
      ->type_name(actions + "}");
  command->add_option("--guest", options->guest, "The guest's name")->type_name("NAME");
  command->add_option("--uuid", options->uuid, "Its UUID, to work without the daemon");
  command->add_option("--incarnation", options->incarnation, "Its incarnation, with --uuid");
  command->add_option("--host-id", options->host_id, "The host, to work without the daemon");
  command
      ->add_option("-p,--param", options->params,
                   "Parameter of the action: verb=..., object=...; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--operators", options->operators, "keys.rotate: the new file")
      ->type_name("FILE");
  command->add_option("--replaces", options->replaces, "keys.rotate: the file in force on the host")
      ->type_name("FILE")
      ->default_str(options->replaces);
  command->add_option("--reason", options->reason, "For the audit: a ticket, a name");
  command->add_flag("--bind-look", options->is_bound_to_look,
                    "Refused when the guest changes until it is carried out");
  const auto valid = std::make_shared<std::string>("24h");
  command->add_option("--valid", *valid, "How long it is good for, at most 7 days")
      ->type_name("DURATION")
      ->default_str("24h");
  command->add_option("-f,--file", options->file, "Where to write it (default: standard output)")
      ->type_name("FILE");
  command->callback([&words, options, valid] {
    const auto duration = parse_duration(*valid);
    if (!duration) throw CLI::ValidationError("--valid", duration.error().message());
    options->valid = *duration;
    words.chosen = [options](const Invocation& to) { return job_new(to, *options); };
  });
}

void declare_sign(CLI::App& job, Words& words) {
  const auto options = std::make_shared<SignJobOptions>();
  auto* command = add_command(
      job, {"sign", "Sign a job file, or add a signature to one. Runs ssh-keygen; works anywhere",
            "holdfast job sign job.json -k ~/.ssh/id_ed25519\n"
            "holdfast job sign job.signed.json -k ~/.ssh/id_ed25519_sk.pub"});
  command->add_option("FILE", options->file, "Job file or envelope; - for standard input")
      ->required();
  add_keys(command, options->keys);
  command
      ->add_option("--to", options->to,
                   "The envelope (default: FILE.signed.json, or FILE when it is one)")
      ->type_name("FILE");
  choose(command, words, options, job_sign);
}

}  // namespace

void add_ticket_sign(CLI::App& ticket, Words& words) {
  const auto options = std::make_shared<SignTicketOptions>();
  auto* command = add_command(
      ticket, {"sign", "Show what it would do, sign it with ssh-keygen, and hand it in",
               "holdfast ticket sign 5f2a... -k ~/.ssh/id_ed25519 --submit --wait\n"
               "holdfast ticket sign 5f2a... -k ~/.ssh/id_ed25519_sk.pub --to acme.signed.json"});
  command->add_option("ID", options->ticket, "The ticket")->required();
  add_keys(command, options->keys);
  command
      ->add_option("--to", options->to,
                   "The envelope (default: ticket-ID.signed.json; none with --submit)")
      ->type_name("FILE");
  command->add_flag("--submit", options->is_submitted, "Hand it to this host at once");
  add_wait(command, options->wait, "Follow it to its end (default limit 10m); with --submit");
  choose(command, words, options, ticket_sign);
}

void declare_jobs(CLI::App& app, Words& words) {
  auto* job = add_command(app, {"job", "Signed orders: write, sign, check and hand in",
                                "holdfast job new guest.destroy --guest acme > job.json\n"
                                "holdfast job sign job.json -k ~/.ssh/id_ed25519\n"
                                "holdfast job verify job.signed.json --operators operators\n"
                                "holdfast job submit job.signed.json --wait"});
  declare_new(*job, words);
  declare_sign(*job, words);

  const auto to_verify = std::make_shared<VerifyJobOptions>();
  auto* verifying = add_command(
      *job, {"verify", "Say who signed and whether a host would take it, without the daemon",
             "holdfast job verify job.signed.json --operators ./operators\n"
             "holdfast job verify job.signed.json --signers 2 -o json"});
  verifying->add_option("FILE", to_verify->file, "The envelope; - for standard input")->required();
  verifying->add_option("--operators", to_verify->operators, "Whose keys count")
      ->type_name("FILE")
      ->default_str(to_verify->operators);
  verifying->add_option("--signers", to_verify->signers, "How many must have signed")
      ->type_name("N")
      ->default_str("1")
      ->check(CLI::Range(1, 8));
  choose(verifying, words, to_verify, job_verify);

  const auto to_submit = std::make_shared<SubmitJobOptions>();
  auto* submitting = add_command(
      *job, {"submit", "Hand a signed job to the daemon, which verifies it as it does a hub's",
             "holdfast job submit job.signed.json --wait\n"
             "ssh host holdfast job submit - < job.signed.json"});
  submitting->add_option("FILE", to_submit->file, "The envelope; - for standard input")->required();
  add_wait(submitting, to_submit->wait, "Follow it to its end (default limit 10m)");
  choose(submitting, words, to_submit, job_submit);
}

}  // namespace holdfast::cli
