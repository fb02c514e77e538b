// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "api/admin_api.hpp"
#include "controller/current_source.hpp"
#include "controller/daemon_control.hpp"
#include "controller/daemon_metrics.hpp"
#include "controller/engine.hpp"
#include "controller/hub_jobs.hpp"
#include "controller/hub_link.hpp"
#include "controller/hub_watch.hpp"
#include "controller/provider.hpp"
#include "controller/required_file.hpp"
#include "controller/signed_orders.hpp"
#include "controller/state_dir.hpp"
#include "controller/threshold_sink.hpp"
#include "controller/version.hpp"
#include "controller/watchdog.hpp"
#include "hubclient/alarm_caller.hpp"
#include "hubclient/directory_watch.hpp"
#include "hubclient/file_source.hpp"
#include "schema/agent_config.hpp"

namespace holdfast {
namespace {

struct Setup {
  AgentConfig config{};
  std::string config_text{};  // agent.yaml as read; empty without one
};

constexpr const char* default_config = "/etc/holdfast/agent.yaml";

// Flags win over agent.yaml, which wins over the defaults. An exit code when the program
// is to end here (--help, a bad flag).
struct CommandLine {
  std::string config_path{};
  std::string desired{};
  std::string state_dir{};
  std::string connect{};
  std::string socket{};
  std::string images{};
  std::vector<std::string> targets{};
  std::string log_level{};
  std::string hub{};
  bool is_check = false;
};

void declare(CLI::App& app, CommandLine& line) {
  app.add_option("--config", line.config_path,
                 "agent.yaml (default " + std::string{default_config} + ", when it is there)");
  app.add_option("--desired", line.desired, "directory of resources to converge to");
  app.add_option("--hub", line.hub,
                 "URL of the hub to work for, once enrolled; the directory is then not read");
  app.add_option("--state-dir", line.state_dir, "journal, images and guests' disks");
  app.add_option("--connect", line.connect, "libvirt URI, like qemu:///system");
  app.add_option("--socket", line.socket, "Unix socket for the holdfast command");
  app.add_option("--images", line.images, "golden images (default STATE_DIR/images)");
  app.add_option("--target", line.targets, "NAME=DIRECTORY of a storage target; repeatable");
  app.add_option("--log-level", line.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_flag("--check", line.is_check, "read the settings, say what is wrong with them, and end");
  app.set_version_flag("--version", version);
  app.footer(
      "EXAMPLES\n"
      "  holdfastd --desired /etc/holdfast/desired --connect qemu:///system\n"
      "  holdfastd --desired ./desired --state-dir ./state --socket ./admin.sock \\\n"
      "            --connect qemu:///system --target nvme=/srv/nvme\n"
      "  holdfastd --hub https://hub.example      # then: holdfast enroll --hub URL TOKEN\n"
      "  holdfastd --check && systemctl restart holdfast   # after an edit of agent.yaml\n\n"
      "Stopping, killing or upgrading this daemon never touches a running guest.");
}

Result<Setup> read_setup(const CommandLine& line) {
  Setup setup;
  const bool is_named = !line.config_path.empty();
  const std::string path = is_named ? line.config_path : default_config;
  if (is_named || ::access(path.c_str(), F_OK) == 0) {
    setup.config_text = TRY(read_required_file(path).context("configuration"));
    setup.config = TRY(parse_agent_config(setup.config_text, path));
  }
  AgentConfig& config = setup.config;
  if (!line.desired.empty()) config.desired = line.desired;
  if (!line.hub.empty()) config.hub = line.hub;
  if (!line.state_dir.empty()) config.state_dir = line.state_dir;
  if (!line.connect.empty()) config.connect = line.connect;
  if (!line.socket.empty()) config.socket = line.socket;
  if (!line.images.empty()) config.images = line.images;
  for (const std::string& target : line.targets) {
    const auto equals = target.find('=');
    if (equals == std::string::npos)
      return Error{Errc::invalid, "--target " + target + ": expected NAME=DIRECTORY"};
    config.targets[target.substr(0, equals)] = target.substr(equals + 1);
  }
  for (std::string* member : {&config.desired, &config.state_dir, &config.images, &config.socket})
    if (!member->empty() && member->front() != '/')
      *member = std::filesystem::absolute(*member).lexically_normal().string();
  for (auto& [name, directory] : config.targets)
    if (!directory.empty() && directory.front() != '/')
      directory = std::filesystem::absolute(directory).lexically_normal().string();
  if (line.log_level == "debug") config.log_level = LogLevel::debug;
  if (line.log_level == "info") config.log_level = LogLevel::info;
  if (line.log_level == "warn") config.log_level = LogLevel::warn;
  if (line.log_level == "error") config.log_level = LogLevel::error;
  // What flags and file say together must hold what the file alone must.
  return Setup{TRY(parse_agent_config(to_yaml(config), "command line")), setup.config_text};
}

// Signals that end the daemon; blocked in every thread and waited for in main.
sigset_t block_signals() {
  sigset_t set{};
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

Result<void> make_folders(const AgentConfig& config) {
  // Only the built-in target is made: a missing directory of a named one is a missing mount.
  std::error_code error;
  std::filesystem::create_directory(config.state_dir + "/guests", error);
  if (!error) std::filesystem::create_directories(config.images_dir(), error);
  if (error) return Error{Errc::denied, "create " + config.state_dir + ": " + error.message()};
  const auto socket_folder = std::filesystem::path{config.socket}.parent_path();
  std::filesystem::create_directories(socket_folder, error);
  if (error)
    return Error{Errc::denied, "create " + socket_folder.string() + ": " + error.message()};
  return ok();
}

std::string hostname() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// For a support bundle: what stands behind the host of a watcher's URL is often its key.
AgentConfig without_secrets(AgentConfig config) {
  const auto path = config.alarm_url.find('/', std::string_view{"https://"}.size());
  if (path != std::string::npos) config.alarm_url.resize(path);
  return config;
}

// Of the operator's own watcher; null when agent.yaml names none.
Result<std::unique_ptr<AlarmChannel>> open_watcher(const AgentConfig& config) {
  if (config.alarm_url.empty()) return std::unique_ptr<AlarmChannel>{};
  std::string ca;
  if (!config.alarm_ca.empty()) ca = TRY(read_required_file(config.alarm_ca).context("alarmCa"));
  return open_alarm_url(config.alarm_url, ca);
}

// Everything is made in the order it is needed and ends in the opposite one: the admin
// socket first, then the threads, then the journal.
Result<void> run_daemon(const Setup& setup, const sigset_t& signals) {
  const AgentConfig& config = setup.config;
  const SystemClock clock;
  SystemRandom random;
  const auto sink = std::make_shared<ThresholdSink>(stderr_sink(), config.log_level);
  const Logger log{sink, LogLevel::debug};

  const StateDir state = TRY(StateDir::open(config.state_dir));
  TRY(make_folders(config));
  const auto journal = TRY(state.open_journal(clock, log));
  const std::string host_id = TRY(state.host_id());
  const bool has_hub = HubLink::is_enrolled(config.state_dir) || !config.hub.empty();

  const auto provider = TRY(Provider::open(config, clock, log));
  FileSource directory{config.desired, clock};
  NoSource nothing{"hub " + config.hub + " (not enrolled)"};
  CurrentSource source{has_hub ? static_cast<DesiredSource&>(nothing) : directory};
  HubWatch hub_watch{clock};

  const host::Host host = provider->ports();
  SignedOrders orders{*journal,
                      clock,
                      host,
                      host_id,
                      {.operators = config.operators,
                       .signers = config.signers,
                       .requires_synchronized_clock = config.requires_synchronized_clock},
                      log};
  HubJobs jobs{orders.intake(), *journal};

  std::stop_source stop;
  std::unique_ptr<HubLink> hub;          // these two are made after the engine, and
  std::unique_ptr<AlarmCaller> watcher;  // before any of its threads
  const auto engine = TRY(Engine::start({.journal = *journal,
                                         .host = host,
                                         .source = source,
                                         .clock = clock,
                                         .random = random,
                                         .host_id = host_id,
                                         .provider = config.provider(),
                                         .log = log,
                                         .authorities = &orders,
                                         .host_jobs = [&] { return orders.work_on_host(); },
                                         .stop = stop.get_token(),
                                         .on_log_level = [&](LogLevel level) { sink->set(level); },
                                         .on_pass_finished =
                                             [&] {
                                               notify_progress();
                                               hub->pass_finished();
                                               if (watcher) watcher->ring();
                                             },
                                         .on_guest_pass = [&] { hub->changed(); },
                                         .hub = &hub_watch}));
  host.inventory.on_change([&](const Uuid& uuid) { engine->wake(uuid); });

  orders.on_accepted([&](const std::string& subject) { engine->wake_for_job(subject); });

  FileSource applied{config.desired, clock};  // the host thread owns `directory`
  DaemonControl control{*engine,
                        &applied,
                        &orders,
                        {.version = version,
                         .connect_uri = config.provider_address(),
                         .targets = [&] { return provider->targets(); },
                         .check_provider = [&] { return provider->check(); },
                         .config_text = to_yaml(without_secrets(config)),
                         .hub = &hub_watch}};
  hub = HubLink::open({.engine = *engine,
                       .source = source,
                       .watch = hub_watch,
                       .jobs = jobs,
                       .random = random,
                       .status = [&] { return control.status(); },
                       .state_dir = config.state_dir,
                       .url = config.hub,
                       .hostname = hostname(),
                       .version = version,
                       .log = log});
  const auto watcher_channel = TRY(open_watcher(config));
  if (watcher_channel)
    watcher = std::make_unique<AlarmCaller>(
        AlarmParts{.channel = *watcher_channel,
                   .clock = clock,
                   .random = random,
                   .note = [&]() -> Result<AlarmNote> {
                     return make_alarm_note(host_id, hub->held(), TRY(journal->conditions("host")));
                   },
                   .log = log});
  DaemonMetrics metrics{*engine, hub_watch, version};
  std::vector<std::jthread> threads;
  const auto named = [](const char* name) { pthread_setname_np(pthread_self(), name); };
  threads.emplace_back([&] {
    named("host");
    engine->run_host(stop.get_token());
  });
  for (std::uint32_t i = 0; i < config.workers; ++i)
    threads.emplace_back([&] {
      named("worker");
      engine->run_worker(stop.get_token());
    });
  if (watcher) threads.emplace_back([&] { watcher->run(stop.get_token()); });
  auto api = api::AdminApi::serve(
      {.socket = config.socket, .group = config.socket_group, .metrics = config.metrics},
      {control, control, control, hub.get(), &metrics}, log);
  if (!api) {
    stop.request_stop();
    return std::move(api).error();
  }
  std::optional<DirectoryWatch> watch;
  if (!has_hub) watch.emplace(config.desired, [&] { engine->wake_host(); });

  log.info("ready", {{"version", version},
                     {"host", host_id},
                     {"desired", source.describe()},
                     {"connect", config.provider_address()},
                     {"socket", config.socket}});
  notify_ready("converging to " + source.describe());
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    log.info("looking at the host again; agent.yaml is read at a start only");
    engine->wake_host();
  }
  log.info("stopping; guests keep running", {{"signal", signal}});
  notify_stopping();
  stop.request_stop();
  return ok();
}

int main_of(int argc, char** argv) {
  CLI::App app{"The Holdfast daemon: makes this host's guests what they should be."};
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& end) {  // --help, too
    return app.exit(end) == 0 ? 0 : 2;
  }
  // An arena for each thread keeps what a busy minute needed for ever; we are idle for years.
  mallopt(M_ARENA_MAX, 2);
  const sigset_t signals = block_signals();
  const auto setup = read_setup(line);
  if (!setup) {
    std::fprintf(stderr, "holdfastd: %s\n", setup.error().message().c_str());
    return 2;
  }
  if (line.is_check) {
    std::printf("the settings are fine\n%s", to_yaml(without_secrets(setup->config)).c_str());
    return 0;
  }
  const auto ran = run_daemon(*setup, signals);
  if (ran) return 0;
  std::fprintf(stderr, "holdfastd: %s\n", ran.error().describe().c_str());
  return 2;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::main_of(argc, argv); }
