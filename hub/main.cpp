// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub.hpp"
#include "hub/sqlite_store.hpp"
#include "hub/uptime_clock.hpp"

namespace holdfast::hub {
namespace {

struct CommandLine;
using Command = Result<void> (*)(const CommandLine& line);

struct CommandLine {
  Command command = nullptr;  // the chosen one
  DataDir data{"/var/lib/holdfast-hub"};
  std::vector<std::string> names{};
  std::uint16_t port = 8443;
  std::string listen{};
  std::string name{};
  bool is_viewer = false;
};

sigset_t block_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

// A descriptor for each host that waits.
void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> serve(const CommandLine& line) {
  const sigset_t signals = block_signals();
  raise_descriptors();
  const UptimeClock clock;
  HubOptions options{.data = line.data, .config = TRY(read_config(line.data))};
  if (!line.listen.empty()) options.config.listen = line.listen;
  options.log = Logger{stderr_sink(), options.config.log_level};
  options.on_look = [] { sd_notify(0, "WATCHDOG=1"); };
  const Logger log = options.log;
  const std::string data = line.data.path;
  const auto hub = TRY(Hub::start(std::move(options), clock));
  log.info("ready", {{"data", data}, {"port", hub->port()}});
  sd_notify(0, "READY=1");
  int signal = 0;
  sigwait(&signals, &signal);
  log.info("stopping", {{"signal", signal}});
  sd_notify(0, "STOPPING=1");
  return ok();
}

Result<void> make_hub(const CommandLine& line) {
  const SystemClock clock;
  TRY(init(line.data, {line.names, line.port}, clock.now()));
  std::printf(
      "A hub is in %s.\n\n"
      "  start it          holdfast-hub serve --data %s\n"
      "  be its operator   install -D -m 0600 %s ~/.config/holdfast/hub.json\n"
      "  enrol a host      holdfast hub enroll-token, then there: holdfast enroll --hub URL "
      "TOKEN\n",
      line.data.path.c_str(), line.data.path.c_str(), line.data.file("operator.json").c_str());
  return ok();
}

Result<void> add_key(const CommandLine& line) {
  const SystemClock clock;
  const auto store = TRY(SqliteStore::open(line.data.database(), false));
  const auto role = line.is_viewer ? Role::viewer : Role::editor;
  const auto file = TRY(add_operator(line.data, *store, line.name, role, clock.now()));
  std::fputs(file.c_str(), stdout);
  return ok();
}

Result<void> remove_key(const CommandLine& line) {
  const auto store = TRY(SqliteStore::open(line.data.database(), false));
  return store->commit([&](const Tables& tables) { return tables.keys.remove(line.name); });
}

Result<void> list_keys(const CommandLine& line) {
  const auto store = TRY(SqliteStore::open(line.data.database(), false));
  const auto all = TRY(store->get([](const Tables& tables) { return tables.keys.all(); }));
  for (const auto& who : all)
    std::printf("%-24s %-9s %s\n", who.name.c_str(),
                who.role == Role::viewer ? "viewer" : "operator", to_string(who.created).c_str());
  return ok();
}

Result<void> new_certificate(const CommandLine& line) {
  const SystemClock clock;
  TRY(reissue(line.data, line.names, clock.now()));
  std::puts("The hub has a new certificate; restart it. Hosts go on; make new enrolment tokens.");
  return ok();
}

CLI::App* add(CLI::App& app, CommandLine& line, const char* name, const char* about, Command run) {
  auto* command = app.add_subcommand(name, about);
  command->add_option("--data", line.data.path, "The hub's folder")->capture_default_str();
  command->callback([run, &line] { line.command = run; });
  return command;
}

void add_names(CLI::App* command, CommandLine& line) {
  command
      ->add_option("--name", line.names,
                   "A DNS name or address by which hosts reach the hub; repeatable")
      ->required();
}

void declare(CLI::App& app, CommandLine& line) {
  auto* making =
      add(app, line, "init", "Make a hub: CA, certificate, database and the first operator's key",
          make_hub);
  add_names(making, line);
  making->add_option("--port", line.port, "The port that it will serve")->capture_default_str();
  auto* serving = add(app, line, "serve", "Be the hub, until SIGTERM", serve);
  serving->add_option("--listen", line.listen,
                      "ADDRESS:PORT, like 0.0.0.0:8443 (wins over hub.yaml)");
  auto* adding = add(app, line, "add-operator",
                     "Make a key and print the file that an operator's `holdfast` reads", add_key);
  adding->add_option("NAME", line.name, "Who it is for")->required();
  adding->add_flag("--viewer", line.is_viewer, "May only watch: lists, alerts, metrics");
  add(app, line, "remove-operator", "Make a key worthless, at once", remove_key)
      ->add_option("NAME", line.name, "Whose")
      ->required();
  add(app, line, "operators", "List who has a key", list_keys);
  add_names(add(app, line, "new-certificate",
                "Replace the hub's own certificate and key; hosts keep the CA", new_certificate),
            line);
  app.require_subcommand(1);
  app.footer(
      "EXAMPLES\n"
      "  holdfast-hub init --data /var/lib/holdfast-hub --name hub.example\n"
      "  holdfast-hub serve --data /var/lib/holdfast-hub\n"
      "  holdfast-hub add-operator alice > alice.json\n"
      "  holdfast-hub add-operator prometheus --viewer > prometheus.json");
}

int main_of(int argc, char** argv) {
  CLI::App app{
      "The Holdfast hub: keeps desired state and signed jobs for hosts, and watches them."};
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& end) {  // --help, too
    return app.exit(end) == 0 ? 0 : 2;
  }
  const auto ran = line.command(line);
  if (ran) return 0;
  std::fprintf(stderr, "holdfast-hub: %s\n", ran.error().message().c_str());
  return 2;
}

}  // namespace
}  // namespace holdfast::hub

int main(int argc, char** argv) {
  try {
    return holdfast::hub::main_of(argc, argv);
  } catch (const std::exception& error) {  // out of memory, say
    std::fprintf(stderr, "holdfast-hub: %s\n", error.what());
    return 2;
  }
}
