// SPDX-License-Identifier: Apache-2.0
#include "cli/run.hpp"

#include <algorithm>
#include <exception>

#include "cli/command_line.hpp"
#include "cli/version.hpp"

namespace holdfast::cli {
namespace {

constexpr const char* default_socket = "/run/holdfast/admin.sock";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// The first 32 hex digits that stand alone: how errors name a ticket.
std::string ticket_in(const std::string& message) {
  for (auto at = message.begin(); at != message.end();) {
    const auto start = std::find_if(at, message.end(), is_hex);
    at = std::find_if_not(start, message.end(), is_hex);
    if (at - start == 32) return {start, at};
  }
  return {};
}

// What to do next, empty when the error says it itself.
std::string advice(const Error& error, const std::string& socket) {
  const std::string& message = error.message();
  if (message.find("cannot reach holdfastd") != std::string::npos)
    return "see `systemctl status holdfast`, or name its socket with --socket; `holdfast journal` "
           "and `holdfast audit` work without it";
  if (error.code() == Errc::denied) {
    if (const auto ticket = ticket_in(message); !ticket.empty())
      return "nothing was changed. What would happen, and how to sign it: `holdfast ticket show " +
             ticket + "`";
    if (message.find(socket) != std::string::npos)
      return "run it as root, or as a member of the group that owns " + socket;
  }
  if (error.code() == Errc::internal) return "this is a fault in Holdfast; please report it";
  return {};
}

Format format_of(const std::string& word) {
  if (word == "wide") return Format::wide;
  if (word == "json") return Format::json;
  return word == "yaml" ? Format::yaml : Format::table;
}

int report(const Error& error, const Invocation& invocation, const std::string& socket) {
  const Style style = invocation.message_style();
  invocation.environment().err << style.paint(Color::red, "error:") << " "
                               << printable(error.message(), true) << std::endl;
  const auto next = advice(error, socket);
  if (!next.empty()) invocation.say(next);
  return static_cast<int>(Exit::failed);
}

int say_command_is_missing(const CLI::App& app, Environment& environment) {
  const CLI::App* last = &app;
  std::string path = app.get_name();
  while (!last->get_subcommands().empty()) {
    last = last->get_subcommands().front();
    path += " " + last->get_name();
  }
  std::string choices;
  for (const auto* command : last->get_subcommands(is_shown))
    choices += (choices.empty() ? "" : ", ") + command->get_name();
  environment.err << "error: " << path << " what? One of " << choices << "; see `" << path
                  << " --help`" << std::endl;
  return static_cast<int>(Exit::failed);
}

int parse_and_run(const std::vector<std::string>& arguments, Environment& environment) {
  CLI::App app{"Keeps one virtualisation host as its desired state says, and customer data safe",
               "holdfast"};
  Words words;
  declare_commands(app, words);
  try {
    // CLI11 takes them in reverse.
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error, environment.out, environment.err);
    return status == 0 ? 0 : static_cast<int>(Exit::failed);
  }
  if (!words.chosen) return say_command_is_missing(app, environment);
  std::string socket = words.socket;
  if (socket.empty()) socket = environment.variable("HOLDFAST_SOCKET");
  if (socket.empty()) socket = default_socket;
  const bool has_colors = !words.has_no_colors && environment.variable("NO_COLOR").empty();
  const Invocation invocation{environment, socket, format_of(words.format), has_colors};
  const auto exit = words.chosen(invocation);
  if (!exit) return report(exit.error(), invocation, socket);
  if (!environment.out) {
    environment.err << "error: standard output cannot be written" << std::endl;
    return static_cast<int>(Exit::failed);
  }
  return static_cast<int>(*exit);
}

}  // namespace

int run(const std::vector<std::string>& arguments, Environment& environment) {
  try {
    return parse_and_run(arguments, environment);
  } catch (const std::exception& error) {
    environment.err << "error: " << error.what() << "; this is a fault in Holdfast" << std::endl;
    return static_cast<int>(Exit::failed);
  }
}

}  // namespace holdfast::cli
