// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <memory>

#include "cli/version.hpp"
#include "schema/quantity.hpp"

namespace holdfast::cli {
namespace {

template <class Options>
std::shared_ptr<Options> options_of() {
  return std::make_shared<Options>();
}

void add_files(CLI::App* command, std::vector<std::string>& files, bool is_required) {
  command
      ->add_option("-f,--filename", files,
                   "File, directory (its .yaml, .yml and .json) or - for standard input")
      ->required(is_required)
      ->type_name("FILE|DIR|-")
      ->expected(1)
      ->take_all();
}

}  // namespace

void add_wait(CLI::App* command, std::optional<Duration>& wait, const char* about) {
  const auto text = std::make_shared<std::string>();
  command->add_flag("--wait", *text, about)
      ->each([text, &wait](const std::string& value) {
        const auto limit = parse_duration(value == "true" ? "10m" : value);  // CLI11's bare flag
        if (!limit) throw CLI::ValidationError("--wait", limit.error().message());
        wait = *limit;
      })
      ->type_name("[=TIMEOUT]");
}

void add_state_dir(CLI::App* command, std::string& directory) {
  constexpr const char* default_state_dir = "/var/lib/holdfast";
  command->add_option("--state-dir", directory, "The daemon's state directory")
      ->type_name("DIR")
      ->default_str(default_state_dir);
  directory = default_state_dir;
}

void add_limit(CLI::App* command, const char* names, std::size_t& limit, const char* about) {
  command->add_option(names, limit, about)
      ->type_name("N")
      ->default_str(std::to_string(default_limit))
      ->check(CLI::Range(1, 1000));
}

void add_subject(CLI::App* command, std::string& subject, const char* about) {
  command->add_option("--subject", subject, about)
      ->type_name("SUBJECT")
      ->check([](const std::string& text) {
        const bool is_one = text == "host" || text.find('/') != std::string::npos;
        return is_one ? "" : text + " is no subject; write guest/" + text;
      });
}

CLI::App* add_by_name(CLI::App& parent, Words& words, const Help& help, const Positional& what,
                      ByNameCommand run) {
  const auto name = std::make_shared<std::string>();
  auto* command = add_command(parent, help);
  command->add_option(what.name, *name, what.about)->required();
  command->callback([&words, name, run] {
    words.chosen = [name, run](const Invocation& to) { return run(to, *name); };
  });
  return command;
}

CLI::App* add_command(CLI::App& parent, const Help& help) {
  auto* command = parent.add_subcommand(help.name, help.about);
  std::string footer = "EXAMPLES\n";
  std::string line;
  for (const char c : std::string{help.examples} + "\n") {
    if (c != '\n') {
      line += c;
    } else if (!line.empty()) {
      footer += "  " + line + "\n";
      line.clear();
    }
  }
  command->footer(footer + "\nWith every command: --socket PATH, " +
                  (help.has_output ? "-o table|wide|json|yaml, " : "") +
                  "--no-color; see `holdfast --help`.");
  return command;
}

void declare_desired(CLI::App& app, Words& words) {
  const auto to_validate = options_of<PlanOptions>();
  auto* validating = add_command(app, {"validate", "Check resources without asking the daemon",
                                       "holdfast validate -f guest.yaml\n"
                                       "holdfast validate -f /etc/holdfast/desired\n"
                                       "generate-guests | holdfast validate -f -"});
  add_files(validating, to_validate->files, true);
  validating->callback([&words, to_validate] {
    words.chosen = [to_validate](const Invocation& to) { return validate(to, to_validate->files); };
  });

  const auto to_plan = options_of<PlanOptions>();
  auto* planning =
      add_command(app, {"plan",
                        "Show what would be done and why, without doing it. Exits 0 when in sync, "
                        "also when a change waits for a guest's next stop, 1 when something "
                        "differs, 2 on an error",
                        "holdfast plan\n"
                        "holdfast plan -f guest.yaml --detailed\n"
                        "holdfast plan -o json | jq '.actions[] | select(.verdict==\"refused\")'"});
  add_files(planning, to_plan->files, false);
  planning->add_flag("--detailed", to_plan->is_detailed, "Also how the gate sees each action");
  choose(planning, words, to_plan, plan);

  const auto to_apply = options_of<ApplyOptions>();
  auto* applying = add_command(
      app, {"apply", "Write resources into the desired-state directory, after showing the plan",
            "holdfast apply -f guest.yaml\n"
            "holdfast apply -f guests/ --yes --wait=5m\n"
            "cat guest.yaml | holdfast apply -f - --yes"});
  add_files(applying, to_apply->files, true);
  applying->add_flag("--yes", to_apply->is_confirmed, "Do not ask");
  add_wait(applying, to_apply->wait,
           "Follow the work until what is applied is in sync (default limit 10m). Exits 1 when it "
           "is not by then, or when some of it is refused");
  choose(applying, words, to_apply, apply);
}

void declare_views(CLI::App& app, Words& words) {
  const auto to_get = options_of<GetOptions>();
  auto* getting = add_command(app, {"get", "List what the daemon knows, one line each",
                                    "holdfast get guests\n"
                                    "holdfast get guest acme -o yaml\n"
                                    "holdfast get operations --subject guest/acme -n 5 -o wide\n"
                                    "holdfast get snapshots acme\n"
                                    "holdfast get backups acme -o wide\n"
                                    "holdfast get jobs -o wide\n"
                                    "holdfast get conditions"});
  getting->add_option("KIND", to_get->kind, "What to list")
      ->required()
      ->check(CLI::IsMember(get_kinds()));
  getting->add_option("NAME", to_get->name, "Only this one; for snapshots and backups, the guest");
  add_subject(getting, to_get->subject, "Operations of this subject: guest/acme");
  add_limit(getting, "-n,--limit", to_get->limit);
  choose(getting, words, to_get, get);

  const auto to_describe = options_of<GetOptions>();
  auto* describing = add_command(app, {"describe", "Tell everything about one thing",
                                       "holdfast describe guest acme\n"
                                       "holdfast describe operation op-42\n"
                                       "holdfast describe host"});
  describing->add_option("KIND", to_describe->kind, "What it is")
      ->required()
      ->check(CLI::IsMember(describe_kinds()));
  describing->add_option("NAME", to_describe->name, "Which one; not needed for host");
  describing->callback([&words, to_describe] {
    words.chosen = [to_describe](const Invocation& to) {
      return describe(to, to_describe->kind, to_describe->name);
    };
  });

  const auto to_explain = options_of<GetOptions>();
  auto* explaining = add_command(
      app,
      {"why", "Say in sentences why a guest or the host is not as it should be, and what to do",
       "holdfast why guest acme\nholdfast why host"});
  explaining->add_option("KIND", to_explain->kind, "guest or host")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"guest", "host"}));
  explaining->add_option("NAME", to_explain->name, "The guest's name; not needed for host");
  explaining->callback([&words, to_explain] {
    words.chosen = [to_explain](const Invocation& to) -> Result<Exit> {
      if (to_explain->kind == "host") return why_host(to);
      if (to_explain->name.empty())
        return Error{Errc::invalid, "say which: `holdfast why guest NAME`"};
      return why_guest(to, to_explain->name);
    };
  });
}

namespace {

using OrderCommand = Result<Exit> (*)(const Invocation&, const OrderOptions&);

void add_order(CLI::App& parent, Words& words, const Help& help, OrderCommand run,
               bool has_snapshot) {
  const auto options = options_of<OrderOptions>();
  auto* command = add_command(parent, help);
  command->add_option("GUEST", options->guest, "The guest's name")->required();
  if (has_snapshot)
    command->add_option("SNAPSHOT", options->snapshot, "The snapshot's name")->required();
  add_wait(command, options->wait, "Follow the operation to its end (default limit 10m)");
  command->callback([&words, options, run] {
    words.chosen = [options, run](const Invocation& to) { return run(to, *options); };
  });
}

}  // namespace

void declare_guests(CLI::App& app, Words& words) {
  auto* snapshot = add_command(app, {"snapshot", "Snapshots of a guest",
                                     "holdfast snapshot create acme before-upgrade --wait\n"
                                     "holdfast snapshot list acme"});
  add_order(*snapshot, words,
            {"create", "Take one", "holdfast snapshot create acme before-upgrade --wait"},
            snapshot_create, true);
  add_by_name(*snapshot, words, {"list", "Those of a guest", "holdfast snapshot list acme"},
              {"GUEST", "The guest's name"}, snapshot_list);
  add_order(*snapshot, words,
            {"rollback", "Go back to one. Loses what came after it, so that it takes a signature",
             "holdfast snapshot rollback acme before-upgrade"},
            snapshot_roll_back, true);
  add_order(*snapshot, words,
            {"delete", "Remove one and keep what was written since. Takes a signature",
             "holdfast snapshot delete acme before-upgrade"},
            snapshot_delete, true);

  auto* destroy =
      add_command(app, {"destroy", "Ask to destroy a guest. Takes a signature: prints what to sign",
                        "holdfast destroy guest acme"});
  add_order(*destroy, words,
            {"guest", "Stop it and keep its disks for 7 days, once signed",
             "holdfast destroy guest acme"},
            destroy_guest, false);
  add_order(app, words,
            {"undelete", "Bring back a guest whose destruction was signed, within 7 days",
             "holdfast undelete acme --wait"},
            undelete, false);
}

namespace {

void declare_host(CLI::App& app, Words& words) {
  const auto to_enroll = options_of<EnrollOptions>();
  auto* enrolling = add_command(
      app, {"enroll", "Make this host a known one of a hub, which then says what it should be",
            "holdfast enroll --hub https://hub.example hf1.TOKEN.PIN\n"
            "ssh hub holdfast hub enroll-token | holdfast enroll --hub https://hub.example -"});
  enrolling->add_option("--hub", to_enroll->hub, "The hub's URL")->required()->type_name("URL");
  enrolling
      ->add_option("TOKEN", to_enroll->token,
                   "As `holdfast hub enroll-token` printed it; - for standard input")
      ->required();
  choose(enrolling, words, to_enroll, enroll);

  auto* provider =
      add_command(app, {"provider", "What this host's guests live on", "holdfast provider check"});
  add_command(*provider, {"check", "Ask it for everything that guests need; name what is missing",
                          "holdfast provider check\nholdfast provider check -o json"})
      ->callback([&words] { words.chosen = provider_check; });

  const auto is_confirmed = options_of<bool>();
  auto* recovering = add_command(
      app, {"recover",
            "Rebuild the journal from the guests on this host, after it was lost. Shows what would "
            "be written first",
            "holdfast recover\nholdfast recover --yes"});
  recovering->add_flag("--yes", *is_confirmed, "Do not ask");
  recovering->callback([&words, is_confirmed] {
    words.chosen = [is_confirmed](const Invocation& to) { return recover(to, *is_confirmed); };
  });
}

void declare_support_bundle(CLI::App& app, Words& words) {
  const auto to_bundle = options_of<SupportOptions>();
  auto* bundling = add_command(
      app,
      {"support-bundle",
       "Collect what helps to find a fault into one file: reports, journal, the service's log; "
       "no bootstrap data in it",
       "holdfast support-bundle\nholdfast support-bundle -o /tmp/acme-host.tar.gz", false});
  bundling->add_option("-o,--output-file", to_bundle->file, "The file to make")
      ->type_name("FILE.tar.gz")
      ->check([](const std::string& file) {
        const bool is_format =
            file == "json" || file == "yaml" || file == "table" || file == "wide";
        return is_format ? "a bundle has one form; -o names its file, like " + file + ".tar.gz"
                         : std::string{};
      });
  add_state_dir(bundling, to_bundle->state_dir);
  choose(bundling, words, to_bundle, support_bundle);
}

void declare_completion(CLI::App& app, Words& words) {
  const auto shell = options_of<std::string>();
  auto* completing =
      add_command(app, {"completion", "Print a script that completes commands in a shell",
                        "source <(holdfast completion bash)\n"
                        "holdfast completion zsh > ~/.zfunc/_holdfast\n"
                        "holdfast completion fish > ~/.config/fish/completions/holdfast.fish"});
  completing->add_option("SHELL", *shell, "Which shell")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  completing->callback([&words, &app, shell] {
    words.chosen = [&app, shell](const Invocation& to) -> Result<Exit> {
      to.environment().out << completion(app, *shell) << std::flush;
      return Exit::done;
    };
  });

  auto* naming = app.add_subcommand(names_command, "Names, for completion scripts")->group("");
  const auto kind = options_of<std::string>();
  naming->add_option("KIND", *kind)->required();
  naming->callback([&words, kind] {
    words.chosen = [kind](const Invocation& to) { return print_names(to, *kind); };
  });
}

}  // namespace

void declare_program(CLI::App& app, Words& words) {
  declare_host(app, words);
  declare_support_bundle(app, words);
  declare_completion(app, words);
  add_command(app, {"version", "Of this program and of the daemon", "holdfast version"})
      ->callback([&words] { words.chosen = version; });
}

void declare_commands(CLI::App& app, Words& words) {
  app.fallthrough();
  app.set_version_flag("--version", "holdfast " + std::string{program_version()},
                       "Of this program; `holdfast version` also asks the daemon");
  app.add_option("--socket", words.socket,
                 "The daemon's admin socket (or HOLDFAST_SOCKET; /run/holdfast/admin.sock)")
      ->type_name("PATH");
  app.add_option("-o,--output", words.format, "How to print data")
      ->check(CLI::IsMember(std::vector<std::string>{"table", "wide", "json", "yaml"}))
      ->default_str("table");
  app.add_flag("--no-color", words.has_no_colors, "No colours, also on a terminal (or NO_COLOR)");
  app.footer(
      "EXIT STATUS\n"
      "  0  done, or in sync\n"
      "  1  something differs from what is wanted\n"
      "  2  an error, or a refusal\n\n"
      "EXAMPLES\n"
      "  holdfast plan\n"
      "  holdfast apply -f guest.yaml --wait\n"
      "  holdfast get guests\n"
      "  holdfast why guest acme\n\n"
      "Data goes to standard output, messages to standard error.");
  declare_desired(app, words);
  declare_views(app, words);
  declare_guests(app, words);
  declare_records(app, words);
  declare_jobs(app, words);
  declare_hub(app, words);
  declare_program(app, words);
}

}  // namespace holdfast::cli
