// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <climits>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/admin_api.hpp"
#include "controller/command_line.hpp"
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

// Others may go through it, not list it: QEMU and the members of socketGroup are not root.
Result<void> make_passage(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  constexpr auto passage = fs::perms::group_exec | fs::perms::others_exec;
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && (fs::status(folder, error).permissions() & passage) != passage)
    fs::permissions(folder, passage, fs::perm_options::add, error);
  if (error) return Error{Errc::denied, "create " + folder.string() + ": " + error.message()};
  return ok();
}

Result<void> make_folders(const AgentConfig& config) {
  // Only the built-in target is made: a missing directory of a named one is a missing mount.
  TRY(make_passage(config.state_dir + "/guests"));
  TRY(make_passage(config.images_dir()));
  return make_passage(std::filesystem::path{config.socket}.parent_path());
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
Result<std::unique_ptr<AlarmChannel>> open_watcher_channel(const AgentConfig& config) {
  if (config.alarm_url.empty()) return std::unique_ptr<AlarmChannel>{};
  std::string ca;
  if (!config.alarm_ca.empty()) ca = TRY(read_required_file(config.alarm_ca).context("alarmCa"));
  return open_alarm_url(config.alarm_url, ca);
}

// What is opened before anything works, and closed after it.
struct Ground {
  StateDir state;
  std::unique_ptr<Journal> journal;
  std::string host_id;
  std::unique_ptr<Provider> provider;
};

Result<Ground> open_ground(const AgentConfig& config, const Clock& clock, const Logger& log) {
  StateDir state = TRY(StateDir::open(config.state_dir));
  TRY(make_folders(config));
  auto journal = TRY(state.open_journal(clock, log));
  std::string host_id = TRY(state.host_id());
  auto provider = TRY(Provider::open(config, clock, log));
  return Ground{std::move(state), std::move(journal), std::move(host_id), std::move(provider)};
}

// The parts of the daemon, and who tells whom. They are made in the order in which they are
// needed and end in the opposite one: the admin socket first, then the threads, then the
// channels to the outside, then the engine. What the constructor is given outlives it.
class Daemon {
 public:
  Daemon(const AgentConfig& config, const Ground& ground, const Clock& clock,
         const std::shared_ptr<ThresholdSink>& sink);
  ~Daemon() { stop_.request_stop(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Once. After an error it can only be destroyed.
  Result<void> start();
  // Returns when one of `signals` says that the daemon ends.
  void serve(const sigset_t& signals);

 private:
  Result<void> start_engine();
  void make_control();
  void open_hub();
  Result<void> open_watcher();
  void start_threads();
  Result<void> open_socket();

  const AgentConfig& config_;
  const Ground& ground_;
  const Clock& clock_;
  const std::shared_ptr<ThresholdSink> sink_;
  const Logger log_;
  const host::Host host_;
  SystemRandom random_{};

  const bool has_hub_;
  FileSource directory_;
  NoSource nothing_;
  CurrentSource source_;
  HubWatch hub_watch_;
  SignedOrders orders_;
  HubJobs jobs_;

  std::stop_source stop_{};
  std::shared_ptr<Engine> engine_{};
  FileSource applied_;  // the host thread owns `directory_`
  std::unique_ptr<DaemonControl> control_{};
  std::unique_ptr<HubLink> hub_{};
  std::unique_ptr<AlarmChannel> watcher_channel_{};
  std::unique_ptr<AlarmCaller> watcher_{};  // null: agent.yaml names no watcher
  std::unique_ptr<DaemonMetrics> metrics_{};
  std::vector<std::jthread> threads_{};
  std::unique_ptr<api::AdminApi> api_{};
  std::optional<DirectoryWatch> directory_watch_{};
};

Daemon::Daemon(const AgentConfig& config, const Ground& ground, const Clock& clock,
               const std::shared_ptr<ThresholdSink>& sink)
    : config_{config},
      ground_{ground},
      clock_{clock},
      sink_{sink},
      log_{sink, LogLevel::debug},
      host_{ground.provider->ports()},
      has_hub_{HubLink::is_enrolled(config.state_dir) || !config.hub.empty()},
      directory_{config.desired, clock},
      nothing_{"hub " + config.hub + " (not enrolled)"},
      source_{has_hub_ ? static_cast<DesiredSource&>(nothing_) : directory_},
      hub_watch_{clock},
      orders_{{.journal = *ground.journal,
               .clock = clock,
               .host = host_,
               .host_id = ground.host_id,
               .settings = {.operators = config.operators,
                            .signers = config.signers,
                            .requires_synchronized_clock = config.requires_synchronized_clock},
               .log = log_}},
      jobs_{orders_.intake(), *ground.journal},
      applied_{config.desired, clock} {}

Result<void> Daemon::start() {
  TRY(start_engine());
  make_control();
  open_hub();
  TRY(open_watcher());
  start_threads();
  TRY(open_socket());
  if (!has_hub_) directory_watch_.emplace(config_.desired, [this] { engine_->wake_host(); });
  return ok();
}

// Its threads are not there yet, and the hub and the watcher are before they are.
Result<void> Daemon::start_engine() {
  engine_ = TRY(Engine::start({.journal = *ground_.journal,
                               .host = host_,
                               .source = source_,
                               .clock = clock_,
                               .random = random_,
                               .host_id = ground_.host_id,
                               .provider = config_.provider(),
                               .log = log_,
                               .authorities = &orders_,
                               .host_jobs = [this] { return orders_.work_on_host(); },
                               .stop = stop_.get_token(),
                               .on_log_level = [this](LogLevel level) { sink_->set(level); },
                               .on_pass_finished =
                                   [this] {
                                     notify_progress();
                                     hub_->pass_finished();
                                     if (watcher_) watcher_->ring();
                                   },
                               .on_guest_pass = [this] { hub_->changed(); },
                               .hub = &hub_watch_}));
  // The provider ends after the engine, and may be telling something at that moment.
  host_.inventory.on_change([engine = std::weak_ptr<Engine>{engine_}](const Uuid& uuid) {
    if (const auto working = engine.lock()) working->wake(uuid);
  });
  orders_.on_accepted([this](const std::string& subject) { engine_->wake_for_job(subject); });
  return ok();
}

void Daemon::make_control() {
  control_ = std::make_unique<DaemonControl>(
      *engine_, &applied_, &orders_,
      DaemonControl::Settings{.version = version,
                              .connect_uri = config_.provider_address(),
                              .targets = [this] { return ground_.provider->targets(); },
                              .check_provider = [this] { return ground_.provider->check(); },
                              .config_text = to_yaml(without_secrets(config_)),
                              .hub = &hub_watch_});
  metrics_ = std::make_unique<DaemonMetrics>(*engine_, hub_watch_, version);
}

void Daemon::open_hub() {
  hub_ = HubLink::open({.engine = *engine_,
                        .source = source_,
                        .watch = hub_watch_,
                        .jobs = jobs_,
                        .random = random_,
                        .status = [this] { return control_->status(); },
                        .state_dir = config_.state_dir,
                        .url = config_.hub,
                        .hostname = hostname(),
                        .version = version,
                        .log = log_});
}

Result<void> Daemon::open_watcher() {
  watcher_channel_ = TRY(open_watcher_channel(config_));
  if (!watcher_channel_) return ok();
  watcher_ = std::make_unique<AlarmCaller>(
      AlarmParts{.channel = *watcher_channel_,
                 .clock = clock_,
                 .random = random_,
                 .note = [this]() -> Result<AlarmNote> {
                   return make_alarm_note(ground_.host_id, hub_->held(),
                                          TRY(ground_.journal->conditions("host")));
                 },
                 .log = log_});
  return ok();
}

void Daemon::start_threads() {
  const auto named = [](const char* name) { pthread_setname_np(pthread_self(), name); };
  threads_.emplace_back([this, named] {
    named("host");
    engine_->run_host(stop_.get_token());
  });
  for (std::uint32_t i = 0; i < config_.workers; ++i)
    threads_.emplace_back([this, named] {
      named("worker");
      engine_->run_worker(stop_.get_token());
    });
  if (watcher_) threads_.emplace_back([this] { watcher_->run(stop_.get_token()); });
}

Result<void> Daemon::open_socket() {
  api_ = TRY(api::AdminApi::serve(
      {.socket = config_.socket, .group = config_.socket_group, .metrics = config_.metrics},
      {*control_, *control_, *control_, hub_.get(), metrics_.get()}, log_));
  return ok();
}

void Daemon::serve(const sigset_t& signals) {
  log_.info("ready", {{"version", version},
                      {"host", ground_.host_id},
                      {"desired", source_.describe()},
                      {"connect", config_.provider_address()},
                      {"socket", config_.socket}});
  notify_ready("converging to " + source_.describe());
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    log_.info("looking at the host again; agent.yaml is read at a start only");
    engine_->wake_host();
  }
  log_.info("stopping; guests keep running", {{"signal", signal}});
  notify_stopping();
}

Result<void> run_daemon(const AgentConfig& config, const sigset_t& signals) {
  const SystemClock clock;
  const auto sink = std::make_shared<ThresholdSink>(stderr_sink(), config.log_level);
  const Ground ground = TRY(open_ground(config, clock, Logger{sink, LogLevel::debug}));
  Daemon daemon{config, ground, clock, sink};
  TRY(daemon.start());
  daemon.serve(signals);
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
  ::umask(0077);  // also where no unit says so: the journal is nobody else's
  const sigset_t signals = block_signals();
  const auto config = read_config(line);
  if (!config) {
    std::fprintf(stderr, "holdfastd: %s\n", config.error().message().c_str());
    return 2;
  }
  if (line.is_check) {
    std::printf("the settings are fine\n%s", to_yaml(without_secrets(*config)).c_str());
    return 0;
  }
  const auto ran = run_daemon(*config, signals);
  if (ran) return 0;
  std::fprintf(stderr, "holdfastd: %s\n", ran.error().describe().c_str());
  return 2;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  try {
    return holdfast::main_of(argc, argv);
  } catch (const std::exception& error) {  // out of memory, say
    std::fprintf(stderr, "holdfastd: %s\n", error.what());
    return 2;
  }
}
