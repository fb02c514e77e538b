// SPDX-License-Identifier: Apache-2.0
#include "controller/hub_link.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "hubclient/enrolment_key.hpp"
#include "hubclient/heartbeat_loop.hpp"
#include "hubclient/https_hub.hpp"
#include "hubclient/sync_loop.hpp"
#include "schema/limits.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

// Changes that come together are one report.
constexpr Duration settle = 1s;
// Guests change by themselves, too (their addresses): looked at as often as the host pass does.
constexpr Duration look_again = 60s;
// Bytes of JSON; together less than a hub takes.
constexpr std::size_t most_of_guests = limits::document_bytes / 2;
constexpr std::size_t most_of_tickets = limits::document_bytes / 4;

// Drops items from the end until the rest has at most `most` bytes; how many.
template <class Item>
std::uint32_t omit(std::vector<Item>& items, std::size_t most) {
  const auto before = items.size();
  if (before > limits::resources) items.resize(limits::resources);
  while (!items.empty() && to_json(items).size() > most) items.resize(items.size() * 7 / 8);
  return static_cast<std::uint32_t>(before - items.size());
}

std::string access_file(const std::string& state_dir) { return state_dir + "/hub.json"; }
std::string key_file(const std::string& state_dir) { return state_dir + "/enrolment.key"; }

}  // namespace

void shorten(StatusReport& report) {
  report.omitted_guests = omit(report.guests, most_of_guests);
  report.omitted_tickets = omit(report.tickets, most_of_tickets);
  if (report.omitted_guests == 0 && report.omitted_tickets == 0) return;
  report.host.conditions.push_back(
      {.type = "ReportComplete",
       .status = ConditionStatus::no,
       .reason = "ReportTooLarge",
       .message = std::to_string(report.omitted_guests) + " guests and " +
                  std::to_string(report.omitted_tickets) +
                  " tickets are left out of what the hub is told; `holdfast get guests` and "
                  "`holdfast get tickets` on the host list them all",
       .last_transition = report.host.accepted_at.value_or(Time{}),
       .observed_generation = report.host.generation});
}

// One enrolment at work.
struct HubLink::Connection {
  HubSource source;
  std::unique_ptr<HttpsHub> sync_channel{};
  std::unique_ptr<HttpsHub> beside_channel{};
  std::unique_ptr<HttpsHub> beat_channel{};
  std::unique_ptr<SyncLoop> sync{};
  std::unique_ptr<HeartbeatLoop> beat{};
  std::vector<std::jthread> threads{};

  Connection(const std::string& url, const std::string& origin,
             std::function<std::optional<HostDesiredState>()> in_force)
      : source{url, origin, std::move(in_force)} {}
  void end() {
    for (auto& thread : threads) thread.request_stop();
    threads.clear();
  }
};

HubLink::HubLink(HubLinkParts parts) : parts_{std::move(parts)} {}

HubLink::~HubLink() {
  for (auto& connection : *connections_.lock()) connection->end();
}

std::unique_ptr<HubLink> HubLink::open(HubLinkParts parts) {
  std::unique_ptr<HubLink> link{new HubLink{std::move(parts)}};
  const HubLinkParts& with = link->parts_;
  const auto access = load_hub_access(access_file(with.state_dir));
  if (access && !*access) {
    if (!with.url.empty()) with.watch.await_enrolment(with.url);
    return link;
  }
  const auto connected = access ? link->connect(**access) : Result<void>{access.error()};
  if (connected) return link;
  with.log.error("the enrolment is of no use; what was accepted last stays in force",
                 {{"error", connected.error().describe()}});
  with.watch.await_enrolment(with.url.empty() ? "URL" : with.url, connected.error().message());
  return link;
}

bool HubLink::is_enrolled(const std::string& state_dir) {
  const auto access = load_hub_access(access_file(state_dir));
  return !access || *access;
}

std::optional<Held> HubLink::held() const {
  const auto wanted = parts_.engine.accepted().wanted();
  if (!wanted) return std::nullopt;
  return Held{wanted->state.generation, wanted->digest};
}

// From memory alone: a heartbeat that waits for what hangs would make a stalled host a dead one.
Heartbeat HubLink::beat_facts() const {
  Heartbeat facts;
  facts.pass_age = parts_.engine.since_last_pass();
  facts.journal_age = parts_.engine.journal().since_last_commit();
  facts.open_operations = static_cast<std::uint32_t>(parts_.engine.journal().unfinished_count());
  facts.generation = held().value_or(Held{}).generation;
  facts.mode = parts_.engine.is_observe_only() ? HostMode::observe_only : HostMode::normal;
  return facts;
}

Result<void> HubLink::connect(const HubAccess& access) {
  HubAccess to = access;
  if (!parts_.url.empty()) to.url = parts_.url;  // the same hub under another address
  Engine& engine = parts_.engine;
  const std::string& host_id = engine.parts().host_id;
  auto made = std::make_shared<Connection>(to.url, to.origin(),
                                           [&engine]() -> std::optional<HostDesiredState> {
                                             const auto wanted = engine.accepted().wanted();
                                             if (!wanted) return std::nullopt;
                                             return wanted->state;
                                           });
  Connection& connection = *made;
  connection.sync_channel = TRY(HttpsHub::open(to, host_id));
  connection.beside_channel = TRY(HttpsHub::open(to, host_id));
  connection.beat_channel = TRY(HttpsHub::open(to, host_id, limits::heartbeat_answer_bytes));
  const Logger log = parts_.log.with("hub", to.url);
  connection.sync =
      std::make_unique<SyncLoop>(SyncParts{.channel = *connection.sync_channel,
                                           .beside = connection.beside_channel.get(),
                                           .source = connection.source,
                                           .jobs = parts_.jobs,
                                           .board = parts_.watch.board(),
                                           .clock = engine.parts().clock,
                                           .random = parts_.random,
                                           .held = [this] { return held(); },
                                           .on_desired = [&engine] { engine.wake_host(); },
                                           .on_advice = [&connection] { connection.beat->hurry(); },
                                           .log = log});
  connection.beat = std::make_unique<HeartbeatLoop>(
      HeartbeatParts{.channel = *connection.beat_channel,
                     .board = parts_.watch.board(),
                     .clock = engine.parts().clock,
                     .random = parts_.random,
                     .facts = [this] { return beat_facts(); },
                     .interval = [&connection] { return connection.sync->config().heartbeat; },
                     .log = log});
  auto connections = connections_.lock();
  if (!connections->empty()) connections->back()->end();
  parts_.source.use(connection.source);
  parts_.watch.enrolled(to.url);
  bell_.ring();
  connection.threads.emplace_back(
      [this, &connection](const std::stop_token& stop) { report(connection, stop); });
  connection.threads.emplace_back(
      [&connection](const std::stop_token& stop) { connection.sync->run(stop); });
  connection.threads.emplace_back(
      [&connection](const std::stop_token& stop) { connection.beat->run(stop); });
  connections->push_back(std::move(made));
  return ok();
}

void HubLink::report(Connection& connection, const std::stop_token& stop) {
  Bell silent;
  while (!stop.stop_requested()) {
    bell_.wait(stop, look_again);
    silent.wait(stop, settle);
    if (stop.stop_requested()) return;
    const auto results = parts_.jobs.results(limits::job_results_per_sync);
    if (results && std::any_of(results->begin(), results->end(),
                               [](const JobResult& result) { return is_final(result.state); }))
      connection.sync->hurry(stop);
    auto status = parts_.status();
    if (!status) {
      parts_.log.warn("nothing to report to the hub", {{"error", status.error().describe()}});
      continue;
    }
    shorten(*status);
    connection.sync->post(
        std::make_shared<const Snapshot>(make_snapshot(std::move(status).value())), stop);
  }
}

void HubLink::pass_finished() {
  {
    auto connections = connections_.lock();
    if (connections->empty()) return;
    connections->back()->sync->decided();
  }
  bell_.ring();
}

Result<HubReport> HubLink::enroll(const std::string& url, const std::string& token) {
  const std::string& host_id = parts_.engine.parts().host_id;
  auto key = EnrolmentKey::load(key_file(parts_.state_dir));
  if (!key && key.error().code() != Errc::not_found) return std::move(key).error();
  if (!key || host_id_of(key->public_key()) != host_id)
    return Error{Errc::conflict,
                 "this host's id was chosen before ids came from enrolment keys, and a hub takes "
                 "no other. If it has no guests yet: stop holdfastd, remove " +
                     parts_.state_dir +
                     "/host-id, start it again and enrol. Its guests' markers carry the old id, "
                     "so with guests stay with the directory"};
  const auto access = TRY(holdfast::enroll({.url = url,
                                            .token = token,
                                            .host_id = host_id,
                                            .hostname = parts_.hostname,
                                            .version = parts_.version},
                                           *key, parts_.engine.parts().stop));
  // Before anything is said to work: the token is spent.
  TRY(save_hub_access(access_file(parts_.state_dir), access).context("keep the enrolment"));
  TRY(connect(access));
  parts_.log.info("enrolled", {{"hub", url}});
  parts_.engine.wake_host();
  return parts_.watch.report().value_or(HubReport{});
}

}  // namespace holdfast
