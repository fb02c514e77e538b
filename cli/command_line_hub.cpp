// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "cli/command_line.hpp"
#include "cli/hub_commands.hpp"

namespace holdfast::cli {
namespace {

template <class Options>
using Run = Result<Exit> (*)(const Invocation&, const Options&);

// A command whose options live as long as its callback.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add(CLI::App& parent, Words& words, const Help& help,
                                                   Run<Options> run) {
  const auto options = std::make_shared<Options>();
  auto* command = add_command(parent, help);
  command->callback([&words, options, run] {
    words.chosen = [options, run](const Invocation& to) { return run(to, *options); };
  });
  return {command, options};
}

void add_plain(CLI::App& parent, Words& words, const Help& help,
               Result<Exit> (*run)(const Invocation&)) {
  add_command(parent, help)->callback([&words, run] { words.chosen = run; });
}

void add_host(CLI::App* command, std::string& host) {
  command->add_option("HOST", host, "Its id, the beginning of it, or its hostname")->required();
}

void add_edit(CLI::App* command, HubEditOptions& options) {
  command->add_option("--comment", options.comment, "Why; kept in the history");
  command->add_flag("--dry-run", options.is_dry_run, "Only show what would change; exits 1 if so");
}

void declare_hosts(CLI::App& hub, Words& words) {
  auto* host = add_command(hub, {"host", "Hosts that are enrolled at the hub",
                                 "holdfast hub host list -o wide\nholdfast hub host show site-7"});
  add_plain(*host, words, {"list", "All of them, one line each", "holdfast hub host list"},
            hub_host_list);
  add_by_name(*host, words,
              {"show", "Everything that one has reported", "holdfast hub host show site-7"},
              {"HOST", "Its id, the beginning of it, or its hostname"}, hub_host_show);
  const auto [removing, options] = add<HubLookOptions>(
      *host, words,
      {"remove", "Forget one that is gone for good, with its history, jobs and key",
       "holdfast hub host remove site-7"},
      hub_host_remove);
  add_host(removing, options->host);
  removing->add_flag("--yes", options->is_confirmed, "Do not ask");
}

void declare_apply(CLI::App& hub, Words& words) {
  const auto [command, options] = add<HubEditOptions>(
      hub, words,
      {"apply", "Store resources as a host's next generation; it has them at once",
       "holdfast hub apply -f guest.yaml --host site-7\n"
       "holdfast hub apply -f site-7/ --host site-7 --prune --comment 'ticket 4711'\n"
       "holdfast hub apply -f guest.yaml --host site-7 --dry-run"},
      hub_apply);
  command
      ->add_option("-f,--filename", options->files,
                   "File, directory (its .yaml, .yml and .json) or - for standard input")
      ->required()
      ->type_name("FILE|DIR|-")
      ->expected(1)
      ->take_all();
  command->add_option("--host", options->host, "Its id, the beginning of it, or its hostname")
      ->required();
  command->add_flag("--prune", options->is_pruning,
                    "What the files do not name is no longer wanted. A guest goes on running until "
                    "its removal is signed");
  add_edit(command, *options);
}

void declare_generations(CLI::App& hub, Words& words) {
  declare_apply(hub, words);
  const auto [listing, to_list] = add<HubLookOptions>(
      hub, words, {"history", "A host's generations, newest first", "holdfast hub history site-7"},
      hub_history);
  add_host(listing, to_list->host);
  add_limit(listing, "-n,--limit", to_list->limit);

  const auto [showing, to_show] = add<HubEditOptions>(
      hub, words,
      {"show", "One generation as it was stored; may hold secrets", "holdfast hub show site-7 41"},
      hub_show);
  add_host(showing, to_show->host);
  showing->add_option("GENERATION", to_show->generation, "Its number")->required();

  const auto [comparing, to_compare] = add<HubLookOptions>(
      hub, words,
      {"diff", "What changed between two generations. Exits 1 when something did",
       "holdfast hub diff site-7 40 41\nholdfast hub diff site-7 40"},
      hub_diff);
  add_host(comparing, to_compare->host);
  comparing->add_option("FROM", to_compare->from, "A generation")->required();
  comparing->add_option("TO", to_compare->to, "Another one; the newest when left out");

  const auto [turning, to_turn] = add<HubEditOptions>(
      hub, words,
      {"rollback", "Store an old generation's content as the next one",
       "holdfast hub rollback site-7 40\nholdfast hub rollback site-7 40 --dry-run"},
      hub_roll_back);
  add_host(turning, to_turn->host);
  turning->add_option("GENERATION", to_turn->generation, "The one to go back to")->required();
  add_edit(turning, *to_turn);
}

struct JobFile {
  std::string file{};
  std::string host{};
};
Result<Exit> put_job(const Invocation& invocation, const JobFile& options) {
  return hub_job_put(invocation, options.file, options.host);
}

void declare_jobs_of_hub(CLI::App& hub, Words& words) {
  auto* job = add_command(hub, {"job", "Signed jobs on their way to a host",
                                "holdfast hub job put job.signed.json\n"
                                "holdfast hub job list site-7"});
  const auto [putting, to_put] =
      add<JobFile>(*job, words,
                   {"put", "Queue a signed job. Once more with another signature adds that",
                    "holdfast hub job put job.signed.json"},
                   put_job);
  putting->add_option("FILE", to_put->file, "The envelope that `holdfast job sign` made")
      ->required();
  putting->add_option("--host", to_put->host, "Its id or hostname, where the job does not say it");
  const auto [listing, to_list] = add<HubLookOptions>(
      *job, words,
      {"list", "Those of a host and what came of them", "holdfast hub job list site-7"},
      hub_job_list);
  add_host(listing, to_list->host);
  add_limit(listing, "-n,--limit", to_list->limit);
}

void declare_alerts(CLI::App& hub, Words& words) {
  const auto [alerting, to_alert] = add<HubLookOptions>(
      hub, words,
      {"alerts", "Hosts that were late, dead or stalled. Exits 1 when one is now",
       "holdfast hub alerts\nholdfast hub alerts --holding"},
      hub_alerts);
  add_limit(alerting, "-n,--limit", to_alert->limit);
  alerting->add_flag("--holding", to_alert->only_holding, "Only those that hold now");

  auto* silence =
      add_command(hub, {"silence", "Keep alerts back for a while; they are recorded all the same",
                        "holdfast hub silence create site-7 --for 2h --reason 'new disks'\n"
                        "holdfast hub silence list\nholdfast hub silence end ID"});
  const auto [making, to_make] =
      add<HubSilenceOptions>(*silence, words,
                             {"create", "Until its end; what still holds then is told then",
                              "holdfast hub silence create site-7 --for 2h --reason 'new disks'\n"
                              "holdfast hub silence create all --alert HostStalled --for 30m"},
                             hub_silence);
  making->add_option("HOST", to_make->host, "Its id or hostname, or all")->required();
  making->add_option("--for", to_make->time, "How long: 30m, 2h; at most 90 days")->required();
  making->add_option("--alert", to_make->alert, "Only this one")
      ->check(CLI::IsMember(std::vector<std::string>{"HostLate", "HostDead", "HostStalled"}));
  making->add_option("--reason", to_make->reason, "Why");
  add_plain(*silence, words, {"list", "Those that have not ended", "holdfast hub silence list"},
            hub_silence_list);
  add_by_name(*silence, words, {"end", "End one now", "holdfast hub silence end 5f2a..."},
              {"ID", "The silence: see `holdfast hub silence list`"}, hub_silence_end);
}

}  // namespace

void declare_hub(CLI::App& app, Words& words) {
  auto* hub = add_command(
      app, {"hub",
            "Be an operator of a hub (~/.config/holdfast/hub.json, or HOLDFAST_HUB_URL, "
            "HOLDFAST_HUB_KEY and HOLDFAST_HUB_CA)",
            "holdfast hub host list\nholdfast hub apply -f guest.yaml --host site-7\n"
            "holdfast hub history site-7\nholdfast hub enroll-token\nholdfast hub alerts"});
  declare_hosts(*hub, words);
  declare_generations(*hub, words);
  declare_jobs_of_hub(*hub, words);
  add_plain(*hub, words,
            {"enroll-token", "Make a token with which one host can enrol within an hour",
             "holdfast hub enroll-token"},
            hub_enroll_token);
  declare_alerts(*hub, words);
}

}  // namespace holdfast::cli
