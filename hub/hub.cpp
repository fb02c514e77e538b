// SPDX-License-Identifier: Apache-2.0
#include "hub/hub.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <list>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "base/guarded.hpp"
#include "http/https_server.hpp"
#include "http/outbound.hpp"
#include "hub/alert_messages.hpp"
#include "hub/certificates.hpp"
#include "hub/deliverer.hpp"
#include "hub/front_desk.hpp"
#include "hub/sqlite_store.hpp"
#include "hub/watch.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

constexpr Duration refresh_every = 2min;  // of alerts at Alertmanager
constexpr Duration ask_deadline = 10s;
constexpr Duration certificates_looked_at_every = 24h;
constexpr Duration certificate_notice = 60 * 24h;

Result<Credentials> credentials_of(const DataDir& data) {
  Credentials credentials;
  credentials.ca = TRY(read_file(data.file("ca.pem")));
  const auto certificate = TRY(read_file(data.file("server.pem")));
  credentials.pin = TRY(pin_of(certificate));
  return credentials;
}

// Calls `work` every `period` until `stop`.
template <class Work>
void every(Duration period, const std::stop_token& stop, const Work& work) {
  Guarded<bool> never{};
  while (!stop.stop_requested()) {
    work();
    auto waiting = never.lock();
    waiting.wait_until(stop, std::chrono::steady_clock::now() + period, [] { return false; });
  }
}

}  // namespace

// Members are in order of life; threads and the server are ended by ~Hub().
struct Hub::State {
  State(HubOptions given, UniqueFd folder_lock, std::unique_ptr<SqliteStore> opened,
        const Credentials& credentials, const Clock& clock)
      : options{std::move(given)},
        lock{std::move(folder_lock)},
        store{std::move(opened)},
        services{*store, hosts, clock, metrics, options.config, options.log},
        polls{services},
        desk{services, polls, credentials},
        watch{services, [this] { wake_deliverers(); }},
        front{services,
              {polls,
               {desk, hosts, [this] { return to_prometheus(metrics, gauges()); }},
               credentials,
               [this] { return watch.is_working(); }}} {
    for (auto& receiver : receivers_of(options.config))
      deliverers.emplace_back(services, std::move(receiver), sender);
  }

  Result<void> listen();
  void start_threads();
  void wake_deliverers() {
    for (auto& deliverer : deliverers) deliverer.wake();
  }
  void look();
  void ask_watcher(const std::stop_token& stop);
  void look_at_certificates();
  void refresh_alertmanagers(const std::stop_token& stop);
  Gauges gauges();

  HubOptions options;
  Time certificate_until{};
  Time ca_until{};
  UniqueFd lock;
  std::unique_ptr<SqliteStore> store;
  Hosts hosts{};
  Metrics metrics{};
  Services services;
  SyncDesk polls;
  OperatorDesk desk;
  Watch watch;
  HttpSender sender{};
  std::list<Deliverer> deliverers{};
  FrontDesk front;
  std::unique_ptr<http::HttpsServer> server{};
  // For handlers, which may run before listen() returns and while the server ends.
  std::atomic<const http::HttpsServer*> serving{nullptr};
  std::vector<std::jthread> threads{};
};

Result<void> Hub::State::listen() {
  http::HttpsServerOptions server_options;
  server_options.address = options.config.listen;
  server_options.certificate = options.data.file("server.pem");
  server_options.key = options.data.file("server.key");
  server_options.max_connections = options.config.max_connections;
  server_options.idle_timeout = 2 * services.config.advice.heartbeat + 30s;
  server_options.body_limit = [this](const http::Request& head) { return front.body_limit(head); };
  server_options.tells_hangups = false;  // a parked poll of somebody who left ends in its time
  server_options.log = options.log;
  server = TRY(http::HttpsServer::listen(server_options,
                                         [this](http::Request request, http::Responder responder) {
                                           front.take(std::move(request), std::move(responder));
                                         }));
  return ok();
}

void Hub::State::start_threads() {
  threads.emplace_back(
      [this](const std::stop_token& stop) { every(Watch::look_every, stop, [this] { look(); }); });
  threads.emplace_back([this](const std::stop_token& stop) {
    every(Watch::look_every, stop, [this] { polls.answer_overdue(); });
  });
  for (auto& deliverer : deliverers)
    threads.emplace_back([&deliverer](const std::stop_token& stop) { deliverer.run(stop); });
  threads.emplace_back([this](const std::stop_token& stop) {
    every(certificates_looked_at_every, stop, [this] { look_at_certificates(); });
  });
  if (!options.config.watcher.empty())
    threads.emplace_back([this](const std::stop_token& stop) {
      every(options.config.watcher_every, stop, [this, &stop] { ask_watcher(stop); });
    });
  if (!options.config.alertmanagers.empty())
    threads.emplace_back([this](const std::stop_token& stop) {
      every(refresh_every, stop, [this, &stop] { refresh_alertmanagers(stop); });
    });
}

void Hub::State::look() {
  const auto looked = watch.look();
  if (!looked)
    return options.log.error("cannot watch the hosts", {{"error", looked.error().message()}});
  if (options.on_look) options.on_look();
}

// A hub runs for longer than anybody remembers that its certificate has an end.
void Hub::State::look_at_certificates() {
  const Time now = services.clock.now();
  for (const auto& [what, until, remedy] :
       {std::tuple{"certificate", certificate_until,
                   "make another with `holdfast-hub new-certificate --name NAME` and restart"},
        std::tuple{"CA", ca_until, "a new one means enrolling every host again"}})
    if (until - now < certificate_notice)
      options.log.warn("no host will believe this hub when this is over",
                       {{"what", what}, {"until", to_string(until)}, {"remedy", remedy}});
}

// Whoever watches the watcher hears nothing as soon as our own alert loop does not work.
void Hub::State::ask_watcher(const std::stop_token& stop) {
  if (!watch.is_working()) return;
  const auto answer =
      http::send_to(options.config.watcher, {}, {.deadline = ask_deadline, .stop = stop});
  if (answer && answer->status < 300) {
    ++metrics.watcher_pings;
    return;
  }
  if (stop.stop_requested()) return;
  options.log.warn(
      "the outside watcher cannot be told that this hub works",
      {{"watcher", options.config.watcher},
       {"error", answer ? "status " + std::to_string(answer->status) : answer.error().message()}});
}

void Hub::State::refresh_alertmanagers(const std::stop_token& stop) {
  auto holding = store->get([](const Tables& tables) { return tables.alerts.holding(); });
  if (!holding) return;
  std::erase_if(*holding, [](const Alert& alert) { return alert.deliveries == 0; });
  if (holding->empty()) return;
  http::Request request;
  request.method = "POST";
  request.body = alertmanager_refresh(*holding, services.clock.now());
  for (const auto& base : options.config.alertmanagers) {
    const auto sent =
        http::send_to(alertmanager_url(base), request, {.deadline = ask_deadline, .stop = stop});
    if (!sent) options.log.debug("alerts not refreshed", {{"error", sent.error().message()}});
  }
}

Gauges Hub::State::gauges() {
  Gauges gauges;
  gauges.certificate_until = certificate_until;
  gauges.ca_until = ca_until;
  if (const auto* at = serving.load()) gauges.connections = at->connections();
  const Time now = services.clock.now();
  auto known = hosts.lock();
  for (const auto& [id, host] : known->by_id) {
    if (host.parked) ++gauges.parked;
    const Time heard = host.beat ? host.beat->at : host.record.enrolled;
    gauges.hosts.push_back({.id = id,
                            .hostname = host.record.hostname,
                            .status = status_of(host.lease.standing),
                            .heartbeat_age = std::chrono::duration<double>(now - heard).count(),
                            .pass_age = std::chrono::duration<double>(host.lease.pass_age).count(),
                            .desired_generation = host.newest.generation,
                            .held_generation = host.held.generation,
                            .open_jobs = host.open_jobs.size()});
  }
  std::sort(gauges.hosts.begin(), gauges.hosts.end(),
            [](const HostGauges& a, const HostGauges& b) { return a.id < b.id; });
  return gauges;
}

Hub::Hub(std::unique_ptr<State> state) : state_{std::move(state)} {}

Result<std::unique_ptr<Hub>> Hub::start(HubOptions options, const Clock& clock) {
  auto folder_lock = TRY(hub::lock(options.data));
  auto store = TRY(SqliteStore::open(options.data.database(), false));
  auto credentials = TRY(credentials_of(options.data));
  const Time ca_until = TRY(good_until(credentials.ca));
  const auto certificate = TRY(read_file(options.data.file("server.pem")));
  const Time until = TRY(good_until(certificate));
  auto state = std::make_unique<State>(std::move(options), std::move(folder_lock), std::move(store),
                                       std::move(credentials), clock);
  state->certificate_until = until;
  state->ca_until = ca_until;
  TRY(state->hosts.load(*state->store, clock.elapsed()));
  TRY(state->watch.start());
  TRY(state->listen());
  state->start_threads();
  return std::unique_ptr<Hub>{new Hub{std::move(state)}};
}

Hub::~Hub() {
  auto& state = *state_;
  state.polls.close();
  state.server.reset();
  state.threads.clear();  // each is told to stop, and joined
  static_cast<void>(state.watch.stop());
}

std::uint16_t Hub::port() const { return state_->server->port(); }

}  // namespace holdfast::hub
