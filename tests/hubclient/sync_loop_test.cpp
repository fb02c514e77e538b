// SPDX-License-Identifier: Apache-2.0
#include "hubclient/sync_loop.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <thread>

#include "base/sha256.hpp"
#include "tests/catch.hpp"
#include "tests/hubclient/scripted_hub.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

const std::string host(32, 'a');

std::string desired(std::uint64_t generation, const std::string& memory = "128Mi") {
  return R"({"apiVersion":"holdfast/v1","kind":"HostDesiredState","hostId":")" + host +
         R"(","generation":)" + std::to_string(generation) +
         R"(,"issuedAt":"2026-11-22T19:36:00Z","resources":[{"apiVersion":"holdfast/v1",)"
         R"("kind":"Guest","metadata":{"name":"acme"},"spec":{"image":{"name":"tiny",)"
         R"("version":"1"},"memory":")" +
         memory + R"(","rootDisk":{"size":"64Mi"}}}]})";
}

// Keeps jobs as a journal would.
class FakeJobs final : public JobSink {
 public:
  Result<void> take(const JobEnvelope& envelope) override {
    ++taken[envelope.payload];
    return ok();
  }
  Result<std::vector<JobResult>> results(std::size_t most) override {
    auto some = open;
    if (some.size() > most) some.resize(most);
    return some;
  }
  Result<void> acknowledge(const std::vector<std::string>& payloads) override {
    for (const auto& payload : payloads)
      std::erase_if(open, [&](const JobResult& result) { return result.payload == payload; });
    return ok();
  }
  std::map<std::string, int> taken{};
  std::vector<JobResult> open{};
};

// A host whose pass accepts what `accepts` says.
struct Host {
  ManualTime time{};
  CountingRandom random{};
  ScriptedHub hub{};
  FakeJobs jobs{};
  HubBoard board{time};
  std::optional<HostDesiredState> in_force{};
  bool accepts = true;
  int passes = 0;
  int refetched = 0;  // passes that had something to decide about
  HubSource source{"https://hub", "hub x", [this] { return in_force; }};
  std::unique_ptr<SyncLoop> loop{};

  Host() {
    loop = std::make_unique<SyncLoop>(SyncParts{.channel = hub,
                                                .source = source,
                                                .jobs = jobs,
                                                .board = board,
                                                .clock = time,
                                                .random = random,
                                                .held = [this] { return held(); },
                                                .on_desired = [this] { pass(); }});
  }
  std::optional<Held> held() const {
    if (!in_force) return std::nullopt;
    return Held{in_force->generation, digest_of(resources_to_canonical_json(*in_force))};
  }
  void pass() {
    ++passes;
    const auto fetched = source.fetch();
    if (fetched && *fetched) {
      ++refetched;
      if (accepts) in_force = (**fetched).state;
    }
    loop->decided();
  }
  SyncResponse response(std::string state = {}) const {
    SyncResponse answer{};
    answer.server_time = time.now();
    answer.desired = std::move(state);
    return answer;
  }
  Duration turn() { return loop->once({}); }
};

// A hub that parks until it is cut.
struct Parking final : HubChannel {
  Result<SyncResponse> sync(const SyncRequest& request, Duration,
                            const std::stop_token& stop) override {
    {
      auto known = requests.lock();
      known->push_back(request);
    }
    requests.notify_all();
    Bell silent;
    silent.wait(stop, 60s);
    return Error{Errc::unavailable, "stopped"};
  }
  Result<HeartbeatResponse> beat(const Heartbeat&, const std::stop_token&) override {
    return Error{Errc::unavailable, "not asked"};
  }
  void wait_for(std::size_t count) {
    auto known = requests.lock();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    REQUIRE(known.wait_until(std::stop_token{}, deadline, [&] { return known->size() >= count; }));
  }
  Guarded<std::vector<SyncRequest>> requests{};
};

std::shared_ptr<const Snapshot> snapshot_of(const std::string& version) {
  StatusReport report{};
  report.host.version = version;
  return std::make_shared<const Snapshot>(make_snapshot(report));
}

}  // namespace

TEST_CASE("sync loop: an edit reaches the host pass and the next request says so",
          "[hubclient][loops]") {
  Host host_side;
  host_side.hub.answer(host_side.response(desired(7)));
  host_side.hub.answer(host_side.response());
  CHECK(host_side.turn() == 0ms);
  REQUIRE(host_side.in_force);
  CHECK(host_side.in_force->generation == 7);
  host_side.turn();
  REQUIRE(host_side.hub.requests.size() == 2);
  CHECK_FALSE(host_side.hub.requests[0].have);
  REQUIRE(host_side.hub.requests[1].have);
  CHECK(host_side.hub.requests[1].have->generation == 7);
}

TEST_CASE("sync loop: what is refused is judged once however often it is sent",
          "[hubclient][loops]") {
  Host host_side;
  host_side.hub.answer(host_side.response(desired(7)));
  host_side.turn();
  host_side.accepts = false;
  for (int i = 0; i < 20; ++i) host_side.hub.answer(host_side.response(desired(3)));
  for (int i = 0; i < 20; ++i) host_side.turn();
  CHECK(host_side.refetched == 2);
  CHECK(host_side.in_force->generation == 7);
  CHECK(host_side.source.has_refused(host_side.held()));
}

TEST_CASE("sync loop: a hub that turns honest clears the refusal by agreeing",
          "[hubclient][loops]") {
  Host host_side;
  host_side.hub.answer(host_side.response(desired(7)));
  host_side.turn();
  host_side.accepts = false;
  host_side.hub.answer(host_side.response(desired(3)));
  host_side.turn();
  for (int i = 0; i < 3; ++i) host_side.hub.answer(host_side.response());
  host_side.turn();  // silence in the same session says nothing
  CHECK(host_side.source.has_refused(host_side.held()));
  host_side.turn();
  CHECK_FALSE(host_side.source.has_refused(host_side.held()));
  CHECK(host_side.refetched == 3);  // and the state in force was judged again: unchanged
}

TEST_CASE("sync loop: jobs are handed over and results sent until they are acknowledged",
          "[hubclient][loops]") {
  Host host_side;
  auto with_jobs = host_side.response();
  with_jobs.jobs = {{"job 1", {"sig"}}, {"job 2", {"sig"}}};
  host_side.hub.answer(with_jobs);
  host_side.turn();
  CHECK(host_side.jobs.taken == std::map<std::string, int>{{"job 1", 1}, {"job 2", 1}});
  host_side.jobs.open = {{.payload = digest_of("job 1"), .state = JobState::done}};
  CHECK(host_side.turn() > 0ms);  // away
  host_side.hub.answer(host_side.response());
  host_side.turn();
  auto acknowledging = host_side.response();
  acknowledging.acknowledged = {digest_of("job 1")};
  host_side.hub.answer(acknowledging);
  host_side.turn();
  host_side.hub.answer(host_side.response());
  host_side.turn();
  const auto& requests = host_side.hub.requests;
  REQUIRE(requests.size() == 5);
  for (std::size_t i = 1; i <= 3; ++i) CHECK(requests[i].job_results.size() == 1);
  CHECK(requests[4].job_results.empty());
}

TEST_CASE("sync loop: new advice is told once, so that heartbeats need not wait out the old one",
          "[hubclient][loops]") {
  Host host_side;
  int told = 0;
  SyncLoop loop{{.channel = host_side.hub,
                 .source = host_side.source,
                 .jobs = host_side.jobs,
                 .board = host_side.board,
                 .clock = host_side.time,
                 .random = host_side.random,
                 .held = [] { return std::nullopt; },
                 .on_desired = [] {},
                 .on_advice = [&] { ++told; }}};
  auto advising = host_side.response();
  advising.config.heartbeat = 1s;
  for (int i = 0; i < 3; ++i) host_side.hub.answer(advising);
  for (int i = 0; i < 3; ++i) loop.once({});
  CHECK(told == 1);
  CHECK(loop.config().heartbeat == 1s);
}

TEST_CASE("sync loop: an unreadable state is an error of the source and changes nothing",
          "[hubclient][loops]") {
  Host host_side;
  host_side.hub.answer(host_side.response(R"({"kind":"Nonsense"})"));
  CHECK(host_side.turn() == 0ms);
  CHECK_FALSE(host_side.in_force);
  CHECK(host_side.source.has_refused(Held{1, "x"}));
}

TEST_CASE("sync loop: while the hub is away it backs off, and the board says why",
          "[hubclient][loops]") {
  Host host_side;
  for (int i = 0; i < 30; ++i) {
    const Duration pause = host_side.turn();
    CHECK(pause >= 100ms);
    CHECK(pause <= 60s);
  }
  CHECK(host_side.board.standing().error == "hub: away");
  CHECK(host_side.board.standing().sync_failures == 30);
  host_side.hub.answer(host_side.response());
  CHECK(host_side.turn() == 0ms);
  CHECK(host_side.board.standing().error.empty());
}

TEST_CASE(
    "sync loop: news from other threads cuts a parked request short and nothing is lost by it",
    "[hubclient][loops][threads]") {
  Parking hub;
  SystemClock clock;
  CountingRandom random;
  HubBoard board{clock};
  NoJobs jobs;
  HubSource source{"https://hub", "hub x", [] { return std::nullopt; }};
  SyncLoop loop{{.channel = hub,
                 .source = source,
                 .jobs = jobs,
                 .board = board,
                 .clock = clock,
                 .random = random,
                 .held = [] { return std::nullopt; },
                 .on_desired = [] {}}};
  std::jthread thread{[&](const std::stop_token& stop) { loop.run(stop); }};
  hub.wait_for(1);
  const auto snapshot = snapshot_of("1");
  loop.post(snapshot);
  hub.wait_for(2);
  loop.post(snapshot);  // no news: stays parked
  loop.hurry();
  hub.wait_for(3);
  thread.request_stop();
  thread.join();
  const auto seen = *hub.requests.lock();
  REQUIRE(seen.size() == 3);
  CHECK_FALSE(seen[0].report);
  CHECK(seen[1].report);
  CHECK(seen[2].report);  // the answer to the second never came
  CHECK(board.standing().sync_failures == 0);
}

TEST_CASE("sync loop: news goes beside a parked request, which is cut only when that fails",
          "[hubclient][loops][threads]") {
  Parking hub;
  ScriptedHub beside;
  SystemClock clock;
  CountingRandom random;
  HubBoard board{clock};
  FakeJobs jobs;
  HubSource source{"https://hub", "hub x", [] { return std::nullopt; }};
  int offered = 0;
  SyncLoop loop{{.channel = hub,
                 .beside = &beside,
                 .source = source,
                 .jobs = jobs,
                 .board = board,
                 .clock = clock,
                 .random = random,
                 .held = [] { return std::nullopt; },
                 .on_desired =
                     [&] {
                       ++offered;
                       loop.decided();
                     }}};
  loop.post(snapshot_of("0"));  // nothing is parked yet: it goes along
  std::jthread thread{[&](const std::stop_token& stop) { loop.run(stop); }};
  hub.wait_for(1);
  SyncResponse quiet{};
  quiet.server_time = clock.now();
  auto bringing = quiet;
  bringing.desired = desired(7);
  auto acknowledging = quiet;
  acknowledging.acknowledged = {digest_of("job 1")};
  for (const auto& answer : {quiet, bringing, acknowledging}) beside.answer(answer);

  loop.post(snapshot_of("0"));
  CHECK(beside.requests.empty());  // the hub knows
  loop.post(snapshot_of("1"));
  loop.post(snapshot_of("1"));
  REQUIRE(beside.requests.size() == 1);
  loop.post(snapshot_of("2"));
  CHECK(offered == 1);  // an edit that came with the answer is taken
  jobs.open = {{.payload = digest_of("job 1"), .state = JobState::done}};
  loop.hurry();
  CHECK(jobs.open.empty());
  CHECK(hub.requests.lock()->size() == 1);  // still parked
  REQUIRE(beside.requests.size() == 3);
  for (const auto& wait : beside.waits) CHECK(wait == 0ms);
  CHECK(beside.requests[0].report->host.version == "1");
  CHECK(beside.requests[1].report->host.version == "2");
  CHECK_FALSE(beside.requests[2].report);
  const auto session = hub.requests.lock()->front().session;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(beside.requests[i].session == session);
    CHECK(beside.requests[i].sequence == i + 2);
  }

  loop.post(snapshot_of("3"));  // the hub is away for this one
  hub.wait_for(2);
  thread.request_stop();
  thread.join();
  const auto seen = *hub.requests.lock();
  REQUIRE(seen.size() == 2);
  CHECK(seen[1].session != session);
  CHECK(seen[1].report->host.version == "3");
}

}  // namespace holdfast
