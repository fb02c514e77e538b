// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.hpp"

// Private to this folder: the one header that shows CLI11.
namespace holdfast::cli {

using Command = std::function<Result<Exit>(const Invocation& invocation)>;

// The words of one call. `chosen` is what they ask for, once they are parsed.
struct Words {
  std::string socket{};
  std::string format{};
  bool has_no_colors = false;
  Command chosen{};
};

// The whole tree of commands, below `app`. Both arguments must outlive the parse.
void declare_commands(CLI::App& app, Words& words);
// Parts of it, by what they are about.
void declare_desired(CLI::App& app, Words& words);
void declare_views(CLI::App& app, Words& words);
void declare_records(CLI::App& app, Words& words);
void declare_jobs(CLI::App& app, Words& words);
void add_ticket_sign(CLI::App& ticket, Words& words);
void declare_images(CLI::App& app, Words& words);
void declare_guests(CLI::App& app, Words& words);
void declare_hub(CLI::App& app, Words& words);
void declare_program(CLI::App& app, Words& words);

// Not shown to people: what completion scripts ask for names.
inline constexpr const char* names_command = "__names";
// Commands that people are told of.
inline bool is_shown(const CLI::App* command) { return !command->get_group().empty(); }

struct Help {
  const char* name = "";
  const char* about = "";
  const char* examples = "";  // one per line
  bool has_output = true;     // -o is how to print
};
// A command below `parent` with an EXAMPLES section.
CLI::App* add_command(CLI::App& parent, const Help& help);

// How an argument is called in the help, and what it is.
struct Positional {
  const char* name = "";
  const char* about = "";
};
// One that takes a name.
using ByNameCommand = Result<Exit> (*)(const Invocation& invocation, const std::string& name);
CLI::App* add_by_name(CLI::App& parent, Words& words, const Help& help, const Positional& what,
                      ByNameCommand run);
// The words ask for `run` with what `options` holds once they are parsed.
template <class Options>
using OptionsCommand = Result<Exit> (*)(const Invocation& invocation, const Options& options);
template <class Options>
void choose(CLI::App* command, Words& words, const std::shared_ptr<Options>& options,
            OptionsCommand<Options> run) {
  command->callback([&words, options, run] {
    words.chosen = [options, run](const Invocation& to) { return run(to, *options); };
  });
}
// Options that several commands have. What they fill in must outlive the parse.
void add_state_dir(CLI::App* command, std::string& directory);
void add_limit(CLI::App* command, const char* names, std::size_t& limit,
               const char* about = "At most so many, newest first");
// --subject guest/acme; a bare name is refused, it would find nothing.
void add_subject(CLI::App* command, std::string& subject, const char* about);
// --wait, or --wait=5m.
void add_wait(CLI::App* command, std::optional<Duration>& wait, const char* about);

// A script for "bash", "zsh" or "fish", made of the tree itself.
std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace holdfast::cli
