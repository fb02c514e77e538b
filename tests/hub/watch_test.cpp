// SPDX-License-Identifier: Apache-2.0
#include "hub/watch.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "hub/deliverer.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// Takes what `accepts` says, and keeps it.
class FakeSender final : public Sender {
 public:
  Result<void> send(const Delivery& delivery, const std::stop_token&) override {
    attempts.push_back(delivery);
    if (!accepts) return Error{Errc::unavailable, "away"};
    taken.push_back(delivery);
    return ok();
  }
  bool accepts = true;
  std::vector<Delivery> attempts{};
  std::vector<Delivery> taken{};
};

// A hub's watch and its deliveries under a clock of the test's, with one webhook and one
// Alertmanager.
struct World {
  explicit World(HubServerConfig config = {}) : settings{std::move(config)} {
    settings.webhooks = {"http://hook"};
    settings.alertmanagers = {"http://am"};
    must(store.store->commit([&](const Tables& tables) {
      return tables.hosts.put(Host{"h1", "site-1", "0.2.0", "hash", clock.now()});
    }));
    start();
  }
  // As a hub that starts on what is stored.
  void start() {
    watch.reset();
    hosts = std::make_unique<Hosts>();
    metrics = std::make_unique<Metrics>();
    must(hosts->load(*store.store, clock.elapsed()));
    const Services services{*store.store, *hosts, clock, *metrics, settings, Logger{}};
    watch = std::make_unique<Watch>(services, [] {});
    hook = std::make_unique<Deliverer>(services, "http://hook", hook_sender);
    manager = std::make_unique<Deliverer>(services, "http://am/api/v2/alerts", manager_sender);
    must(watch->start());
  }
  void beat(Duration pass_age = 1s) const {
    auto known = hosts->lock();
    auto& host = known->by_id.at("h1");
    host.lease.heard = clock.elapsed();
    host.lease.pass_age = pass_age;
  }
  void look() {
    must(watch->look());
    must(hook->deliver_due({}));
    must(manager->deliver_due({}));
  }
  // Lets time pass in steps of a second, looking at each; beats every `beats`, 0: never.
  void pass(Duration time, Duration beats, Duration pass_age = 1s) {
    for (Duration at{0}; at < time; at += 1s) {
      if (beats.count() > 0 && at % beats == 0s) beat(pass_age);
      look();
      clock.pass(1s);
    }
  }
  std::vector<std::string> alerts() const {
    std::vector<std::string> names;
    for (const auto& delivery : hook_sender.taken)
      names.push_back(Json::parse(delivery.body)["alert"].get<std::string>());
    return names;
  }

  HubServerConfig settings;
  TestStore store{};
  ManualClock clock{};
  std::unique_ptr<Hosts> hosts{};
  std::unique_ptr<Metrics> metrics{};
  FakeSender hook_sender{};
  FakeSender manager_sender{};
  std::unique_ptr<Watch> watch{};
  std::unique_ptr<Deliverer> hook{};
  std::unique_ptr<Deliverer> manager{};
};

using Names = std::vector<std::string>;

TEST_CASE("watch: a silent host is late, then dead, then back, each said once and in time",
          "[hub][watch]") {
  World world;
  world.pass(60s, 10s);
  CHECK(world.alerts().empty());
  world.pass(19s, 0s);  // the last heartbeat came 10 s before
  CHECK(world.alerts().empty());
  world.pass(2s, 0s);
  CHECK(world.alerts() == Names{"HostLate"});
  world.pass(58s, 0s);
  CHECK(world.alerts() == Names{"HostLate"});
  world.pass(2s, 0s);
  CHECK(world.alerts() == Names{"HostLate", "HostDead"});
  world.pass(600s, 0s);
  CHECK(world.alerts().size() == 2);
  world.pass(60s, 10s);
  CHECK(world.alerts() == Names{"HostLate", "HostDead", "HostRecovered"});
  const auto recovered = Json::parse(world.hook_sender.taken.back().body);
  CHECK(recovered["status"] == "resolved");
  CHECK(recovered["ends"].size() == 2);
  // Alertmanager is told of the end of both, and of the recovery.
  const auto last = Json::parse(world.manager_sender.taken.back().body);
  REQUIRE(last.size() == 3);
  CHECK(last[0]["labels"]["alertname"] == "HostLate");
  CHECK(last[0]["endsAt"] == last[2]["startsAt"]);
  CHECK(last[1]["labels"]["alertname"] == "HostDead");
  CHECK(last[2]["labels"]["alertname"] == "HostRecovered");
}

TEST_CASE("watch: a host whose passes do not finish is stalled although it beats", "[hub][watch]") {
  World world;
  world.pass(30s, 10s, 170s);
  CHECK(world.alerts().empty());
  world.pass(60s, 10s, 190s);
  CHECK(world.alerts() == Names{"HostStalled"});
  world.pass(60s, 10s, 5s);
  CHECK(world.alerts() == Names{"HostStalled", "HostRecovered"});
}

TEST_CASE("watch: a host is called stalled in time also when its heartbeats are lost",
          "[hub][watch]") {
  World world;
  world.pass(1s, 10s, 175s);
  world.pass(15s, 0s);
  CHECK(world.alerts().empty());
  world.pass(3s, 0s);  // 180 s and the period of a heartbeat
  CHECK(world.alerts() == Names{"HostStalled"});
  const auto body = Json::parse(world.hook_sender.taken.front().body);
  CHECK(body["message"].get<std::string>().find("for 3m1") != std::string::npos);
  world.pass(20s, 10s);
  CHECK(world.alerts() == Names{"HostStalled", "HostRecovered"});
}

TEST_CASE("watch: what is owed to a receiver that was removed is forgotten", "[hub][watch]") {
  World world;
  world.hook_sender.accepts = false;
  world.pass(40s, 0s);
  const auto owed = [&](const std::string& url) {
    return must(world.store.store->get(
                    [&](const Tables& tables) { return tables.alerts.owed(url, 10); }))
        .size();
  };
  CHECK(owed("http://hook") == 1);
  world.start();
  CHECK(owed("http://hook") == 1);
  world.settings.webhooks = {"http://other"};
  world.start();
  CHECK(owed("http://hook") == 0);
}

TEST_CASE("watch: old generations, results and tokens are forgotten, what is needed stays",
          "[hub][watch]") {
  HubServerConfig config;
  config.generations_kept = 3;
  config.jobs_kept = 24h;
  World world{config};
  const Time old = world.clock.now();
  const auto job = [&](const std::string& digest, const std::string& state) {
    return StoredJob{
        .digest = digest, .envelope = {"p", {"s"}}, .created = old, .state = state, .updated = old};
  };
  must(world.store.store->commit([&](const Tables& tables) -> Result<void> {
    for (std::uint64_t number = 1; number <= 10; ++number)
      TRY(tables.generations.add("h1", {number, "d", old, "alice", "", "{}"}));
    TRY(tables.hosts.put("h1", HostState{old, {4, "d"}, "{}"}));
    TRY(tables.jobs.put("h1", job("done", "done")));
    TRY(tables.jobs.put("h1", job("open", "running")));
    TRY(tables.keys.add(Token{"t", "alice", old + 1h, {}}));
    return ok();
  }));
  world.clock.pass(26h);
  world.start();
  world.look();
  must(world.store.store->read([](const Tables& tables) -> Result<void> {
    std::vector<std::uint64_t> left;
    for (const auto& generation : TRY(tables.generations.list("h1", 100)))
      left.push_back(generation.generation);
    CHECK(left == std::vector<std::uint64_t>{10, 9, 8, 4});  // it holds 4
    CHECK_FALSE(TRY(tables.jobs.find("h1", "done")));
    CHECK(TRY(tables.jobs.find("h1", "open")));
    CHECK_FALSE(TRY(tables.keys.token("t")));
    return ok();
  }));
}

TEST_CASE("watch: a restarted hub says that it was down, once, and raises no storm",
          "[hub][watch]") {
  World world;
  world.pass(30s, 10s);
  world.clock.pass(600s);  // nobody watches
  world.start();
  world.pass(5s, 0s);  // hosts find it again, each in its time
  CHECK(world.alerts() == Names{"HubWasDown"});
  world.pass(120s, 10s);
  CHECK(world.alerts() == Names{"HubWasDown"});
}

TEST_CASE("watch: a host that died while the hub was down is late and dead a period later",
          "[hub][watch]") {
  World world;
  world.pass(30s, 10s);
  world.clock.pass(600s);
  world.start();
  world.pass(30s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown"});
  world.pass(1s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown", "HostLate"});
  world.pass(59s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown", "HostLate"});
  world.pass(1s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown", "HostLate", "HostDead"});
  // And once more: what was said is not said again.
  world.clock.pass(600s);
  world.start();
  world.pass(200s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown", "HostLate", "HostDead", "HubWasDown"});
}

TEST_CASE("watch: a hub that was stopped or suspended counts as down", "[hub][watch]") {
  World world;
  world.pass(30s, 10s);
  world.clock.pass(400s);  // SIGSTOP: the same process goes on later
  world.pass(25s, 0s);
  CHECK(world.alerts() == Names{"HubWasDown"});
  world.pass(60s, 10s);
  CHECK(world.alerts() == Names{"HubWasDown"});
}

TEST_CASE("watch: a short restart is no news, and still gives a whole period", "[hub][watch]") {
  World world;
  world.pass(28s, 0s);
  world.clock.pass(3s);
  world.start();
  world.pass(29s, 0s);
  CHECK(world.alerts().empty());
  world.pass(3s, 0s);
  CHECK(world.alerts() == Names{"HostLate"});
}

TEST_CASE("watch: an alert is sent until it is taken, under one id, and in order", "[hub][watch]") {
  World world;
  world.hook_sender.accepts = false;
  world.pass(100s, 0s);  // late and dead
  CHECK(world.alerts().empty());
  const auto attempts = world.hook_sender.attempts.size();
  CHECK(attempts > 3);
  CHECK(attempts < 20);  // it backs off
  std::set<std::string> ids;
  std::set<std::string> bodies;
  for (const auto& attempt : world.hook_sender.attempts) {
    ids.insert(attempt.alert);
    bodies.insert(attempt.body);
    CHECK(Json::parse(attempt.body)["alert"] == "HostLate");  // dead waits for late
  }
  CHECK(ids.size() == 1);
  CHECK(bodies.size() == 1);
  CHECK(world.manager_sender.taken.size() == 2);  // nobody waits for another receiver
  SECTION("at last") {
    world.hook_sender.accepts = true;
    world.pass(300s, 0s);
    CHECK(world.alerts() == Names{"HostLate", "HostDead"});
    CHECK(world.hook_sender.taken.front().alert == *ids.begin());
  }
  SECTION("after a restart") {
    world.hook_sender.accepts = true;
    world.start();
    world.look();
    CHECK(world.alerts() == Names{"HostLate", "HostDead"});
    CHECK(world.hook_sender.taken.front().alert == *ids.begin());
    world.start();
    world.pass(20s, 0s);
    CHECK(world.hook_sender.taken.size() == 2);
    CHECK(world.manager_sender.taken.size() == 2);
  }
}

void silence(const World& world, Duration time, const std::string& alert = {}) {
  must(world.store.store->commit([&](const Tables& tables) {
    return tables.alerts.put(
        Silence{"s1", "h1", alert, world.clock.now(), world.clock.now() + time, "works", "alice"});
  }));
}

TEST_CASE("watch: a silence keeps back what it names, and what still holds comes at its end",
          "[hub][watch]") {
  World world;
  world.pass(20s, 10s);
  SECTION("all of it, and the host is back before it ends") {
    silence(world, 600s);
    world.pass(200s, 0s);
    world.pass(60s, 10s);
    CHECK(world.alerts().empty());
    world.pass(600s, 10s);
    CHECK(world.alerts().empty());
  }
  SECTION("all of it, and the host is still dead when it ends") {
    silence(world, 300s);
    world.pass(299s, 0s);
    CHECK(world.alerts().empty());
    world.pass(3s, 0s);
    CHECK(world.alerts() == Names{"HostLate", "HostDead"});
    world.pass(20s, 10s);
    CHECK(world.alerts() == Names{"HostLate", "HostDead", "HostRecovered"});
  }
  SECTION("one alert of two") {
    silence(world, 600s, "HostLate");
    world.pass(200s, 0s);
    CHECK(world.alerts() == Names{"HostDead"});
  }
  SECTION("an end is told whoever was told of the beginning") {
    world.pass(60s, 0s);
    CHECK(world.alerts() == Names{"HostLate"});
    silence(world, 600s);
    world.pass(20s, 10s);
    CHECK(world.alerts() == Names{"HostLate", "HostRecovered"});
  }
}

TEST_CASE("watch: it works only while its looks succeed", "[hub][watch]") {
  World world;
  world.look();
  CHECK(world.watch->is_working());
  world.clock.pass(4s);
  CHECK_FALSE(world.watch->is_working());
  world.look();
  CHECK(world.watch->is_working());
}

TEST_CASE("deliveries: the pause doubles from a second to five minutes", "[hub][watch]") {
  CHECK(delivery_backoff(1) == 1s);
  CHECK(delivery_backoff(2) == 2s);
  CHECK(delivery_backoff(8) == 128s);
  CHECK(delivery_backoff(10) == 300s);
  CHECK(delivery_backoff(4'000'000'000) == 300s);
}

}  // namespace
}  // namespace holdfast::hub
