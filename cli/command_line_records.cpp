// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/command_line.hpp"

namespace holdfast::cli {
namespace {

using OfflineCommand = Result<Exit> (*)(const Invocation&, const OfflineOptions&);

// A command on the journal's file that takes no name.
CLI::App* add_offline(CLI::App& parent, Words& words, const Help& help, OfflineCommand run,
                      const std::shared_ptr<OfflineOptions>& options) {
  auto* command = add_command(parent, help);
  add_state_dir(command, options->state_dir);
  command->callback([&words, options, run] {
    words.chosen = [options, run](const Invocation& to) { return run(to, *options); };
  });
  return command;
}

void declare_journal(CLI::App& app, Words& words) {
  auto* journal = add_command(
      app, {"journal", "Look into the journal, also while the daemon is dead",
            "holdfast journal list\nholdfast journal verify --state-dir /mnt/rescued/holdfast\n"
            "holdfast journal retry op-42"});
  const auto to_list = std::make_shared<OfflineOptions>();
  auto* listing = add_offline(*journal, words,
                              {"list", "Operations, newest first, read from the file itself",
                               "holdfast journal list --subject guest/acme -n 20"},
                              journal_list, to_list);
  add_subject(listing, to_list->subject, "Only of this subject: guest/acme");
  add_limit(listing, "-n,--limit", to_list->limit);

  const auto to_show = std::make_shared<OfflineOptions>();
  const auto id = std::make_shared<std::string>();
  auto* showing =
      add_command(*journal, {"show", "One operation with its steps, read from the file itself",
                             "holdfast journal show op-42\nholdfast journal show op-42 -o json"});
  showing->add_option("ID", *id, "The operation: op-42")->required();
  add_state_dir(showing, to_show->state_dir);
  showing->callback([&words, to_show, id] {
    words.chosen = [to_show, id](const Invocation& to) { return journal_show(to, *to_show, *id); };
  });

  add_offline(*journal, words,
              {"verify", "Check the database and the audit chain", "holdfast journal verify"},
              journal_verify, std::make_shared<OfflineOptions>());
  add_offline(*journal, words,
              {"export", "Everything in it, one JSON object per line; bootstrap data is left out",
               "holdfast journal export > journal.jsonl"},
              journal_export, std::make_shared<OfflineOptions>());
  add_by_name(
      *journal, words,
      {"retry", "Try a stuck operation again, through the daemon", "holdfast journal retry op-42"},
      {"ID", "The operation: op-42"}, journal_retry);
  add_by_name(*journal, words,
              {"rollback", "Turn a stuck operation back, through the daemon",
               "holdfast journal rollback op-42"},
              {"ID", "The operation: op-42"}, journal_roll_back);
}

}  // namespace

void declare_records(CLI::App& app, Words& words) {
  declare_journal(app, words);

  auto* audit = add_command(app, {"audit", "Read the audit chain, also while the daemon is dead",
                                  "holdfast audit tail -n 20\nholdfast audit verify"});
  const auto to_tail = std::make_shared<OfflineOptions>();
  auto* tailing = add_offline(*audit, words,
                              {"tail", "The last entries: permits, refusals, jobs",
                               "holdfast audit tail -n 20\nholdfast audit tail -o json"},
                              audit_tail, to_tail);
  add_limit(tailing, "-n,--lines", to_tail->limit, "The last so many, newest at the end");
  add_offline(
      *audit, words,
      {"verify", "Check that no entry was changed, removed or added", "holdfast audit verify"},
      audit_verify, std::make_shared<OfflineOptions>());

  auto* ticket = add_command(app, {"ticket", "What was refused, as jobs ready to be signed",
                                   "holdfast ticket list\nholdfast ticket show ID\n"
                                   "holdfast ticket sign ID -k KEY --submit"});
  auto* listing = add_command(*ticket, {"list", "Open tickets", "holdfast ticket list -o wide"});
  listing->callback([&words] { words.chosen = ticket_list; });
  const auto id = std::make_shared<std::string>();
  const auto is_job_only = std::make_shared<bool>();
  auto* showing =
      add_command(*ticket, {"show", "What signing it would do, and how to sign it",
                            "holdfast ticket show 5f2a...\n"
                            "holdfast ticket show 5f2a... --job > job.json\n"
                            "ssh-keygen -Y sign -n job@holdfast -f ~/.ssh/operator job.json"});
  showing->add_option("ID", *id, "The ticket")->required();
  showing->add_flag("--job", *is_job_only, "Only the job file, byte for byte as it is signed");
  showing->callback([&words, id, is_job_only] {
    words.chosen = [id, is_job_only](const Invocation& to) {
      return ticket_show(to, *id, *is_job_only);
    };
  });

  add_ticket_sign(*ticket, words);
  declare_images(app, words);
}

}  // namespace holdfast::cli
