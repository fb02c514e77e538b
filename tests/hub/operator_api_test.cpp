// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <set>

#include <nlohmann/json.hpp>

#include "schema/hub_report.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

std::string guest(const std::string& name, const std::string& memory = "1Gi") {
  return "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: " + name +
         "}\nspec:\n  provider: libvirt\n  image: {name: tiny, version: 1.0.0}\n  cpus: 1\n"
         "  memory: " +
         memory + "\n  rootDisk: {size: 1Gi, target: local}\n";
}

struct World {
  World() : host{hub.enroll()}, base{"/v1/hosts/" + host.id}, caller{hub.operator_caller()} {}
  template <class Report>
  Report ask(const std::string& method, const std::string& path, const std::string& body = {},
             std::map<std::string, std::string> query = {}) {
    const auto answer = caller.ask(method, path, body, std::move(query));
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_hub_report<Report>(answer.body));
  }
  HubApplyReport apply(const std::string& text, std::map<std::string, std::string> query = {}) {
    return ask<HubApplyReport>("POST", base + "/desired", text, std::move(query));
  }
  TestHub hub{};
  TestHub::Enrolled host;
  std::string base;
  Caller caller;
};

TEST_CASE("hub generations: history, diff and a rollback that is a new generation", "[hub][api]") {
  World world;
  const auto first = world.apply(guest("a"), {{"comment", "first guest"}});
  CHECK(first.generation == 1);
  CHECK(first.is_stored);
  CHECK(world.apply(guest("a", "2Gi")).generation == 2);
  const auto same = world.apply(guest("a", "2Gi"));
  CHECK(same.generation == 2);
  CHECK_FALSE(same.is_stored);
  const auto dry = world.apply(guest("b"), {{"dryRun", "true"}});
  CHECK_FALSE(dry.is_stored);
  CHECK(dry.diff.changes.size() == 1);

  const auto back =
      world.ask<HubApplyReport>("POST", world.base + "/rollback", "", {{"generation", "1"}});
  CHECK(back.generation == 3);
  const auto history = world.ask<std::vector<GenerationReport>>("GET", world.base + "/generations");
  REQUIRE(history.size() == 3);
  CHECK(history[0].generation == 3);
  CHECK(history[0].digest == history[2].digest);
  CHECK(history[2].comment == "first guest");
  CHECK(history[2].author == "admin");
  const auto diff =
      world.ask<DiffReport>("GET", world.base + "/diff", "", {{"from", "2"}, {"to", "3"}});
  REQUIRE(diff.changes.size() == 1);
  CHECK(diff.changes[0].fields[0] == FieldChange{"/spec/memory", "\"2Gi\"", "\"1Gi\""});
  const auto shown = world.ask<GenerationReport>("GET", world.base + "/generations/2");
  CHECK(shown.desired.find("memory: 2Gi") != std::string::npos);
}

TEST_CASE("hub generations: the next number is above what the host says it holds", "[hub][api]") {
  World world;
  auto host = world.hub.stranger(world.host.key);
  const Held far{41, "sha256:" + std::string(64, '0')};
  CHECK(host.ask("POST", world.base + "/sync", sync_body(1, far)).status == 200);
  CHECK(world.apply(guest("a")).generation == 42);
}

TEST_CASE("hub operators: what is wrong is refused in words that say what and where",
          "[hub][api]") {
  World world;
  struct Bad {
    std::string method, path, body;
    std::map<std::string, std::string> query;
    int status;
    std::string says;
  };
  const std::vector<Bad> bad{
      {"POST", world.base + "/desired", guest("a", "2Gb"), {}, 400, "/spec/memory: found"},
      {"POST", world.base + "/desired", "", {}, 400, "found nothing"},
      {"POST", world.base + "/desired", guest("a"), {{"dryrun", "true"}}, 400, "no such parameter"},
      {"POST", "/v1/hosts/nobody/desired", guest("a"), {}, 404, "no host nobody"},
      {"POST", world.base + "/rollback", "", {{"generation", "9"}}, 404, "no generation 9"},
      {"POST", world.base + "/rollback", "", {{"generation", "x"}}, 400, "expected a number"},
      {"GET", world.base + "/generations/7", "", {}, 404, "no generation 7"},
      {"POST", world.base + "/jobs", "{}", {}, 400, "payload"},
      {"POST", "/v1/silences", "", {{"for", "0s"}}, 400, "a silence ends"},
      {"POST", "/v1/silences", "", {{"for", "long"}}, 400, "?for="},
      {"POST", "/v1/silences", "", {{"for", "1h"}, {"host", "nobody"}}, 404, "no host"},
      {"DELETE", "/v1/silences/x", "", {}, 404, "no silence"},
      {"GET", "/v1/nothing", "", {}, 404, "no route"},
      {"PUT", "/v1/hosts", "", {}, 405, "takes GET"},
  };
  for (const auto& each : bad) {
    const auto answer = world.caller.ask(each.method, each.path, each.body, each.query);
    INFO(each.method << " " << each.path << ": " << answer.body);
    CHECK(answer.status == each.status);
    CHECK(answer.body.find(each.says) != std::string::npos);
  }
  CHECK(world.ask<std::vector<GenerationReport>>("GET", world.base + "/generations").empty());
}

TEST_CASE("hub operators: a host goes by its id, the beginning of it, or its hostname",
          "[hub][api]") {
  World world;
  const auto id = world.host.id;
  for (const auto& name : {id, id.substr(0, 8), "site-" + id.substr(0, 4)})
    CHECK(world.ask<HubHostReport>("GET", "/v1/hosts/" + name).host_id == id);
  CHECK(world.caller.ask("GET", "/v1/hosts/" + id.substr(0, 7)).status == 404);
  CHECK(world.caller.ask("DELETE", "/v1/hosts/" + id).status == 200);
  CHECK(world.caller.ask("GET", "/v1/hosts/" + id).status == 404);
  auto host = world.hub.stranger(world.host.key);
  CHECK(host.ask("POST", world.base + "/heartbeat", beat_body(1)).status == 401);
}

TEST_CASE("hub metrics: they follow what hosts say", "[hub][api]") {
  World world;
  auto host = world.hub.stranger(world.host.key);
  CHECK(host.ask("POST", world.base + "/heartbeat", beat_body(1, 7s)).status == 200);
  world.apply(guest("a"));
  const auto text = world.caller.ask("GET", "/metrics");
  CHECK(text.content_type.find("version=0.0.4") != std::string::npos);
  const auto has = [&](const std::string& line) {
    return text.body.find(line + "\n") != std::string::npos;
  };
  const std::string labels =
      "{host_id=\"" + world.host.id + "\",hostname=\"site-" + world.host.id.substr(0, 4) + "\"}";
  CHECK(has("holdfast_hub_heartbeats_total 1"));
  CHECK(has("holdfast_hub_hosts{status=\"Alive\"} 1"));
  CHECK(has("holdfast_hub_pass_age_seconds" + labels + " 7"));
  CHECK(has("holdfast_hub_desired_generation" + labels + " 1"));
  CHECK(has("holdfast_hub_held_generation" + labels + " 0"));

  const auto until = [&](const std::string& what) {
    const std::string line =
        "holdfast_hub_certificate_not_after_timestamp_seconds{certificate=\"" + what + "\"} ";
    const auto at = text.body.find(line);
    REQUIRE(at != std::string::npos);
    return std::chrono::seconds{std::stoll(text.body.substr(at + line.size()))};
  };
  // The CA is made first, for twenty years, the certificate for ten.
  const auto between = until("ca") - until("server");
  CHECK(between > 24h * 365 * 9);
  CHECK(between < 24h * 365 * 11);
}

TEST_CASE(
    "hub dead man: a real silence raises real alerts, each under one id, also across a "
    "restart",
    "[hub][api]") {
  Receiver webhook{[](std::size_t n) { return n == 0 ? 500 : 200; }};  // down at first
  Receiver manager;
  HubServerConfig config;
  config.late = 2s;
  config.dead = 4s;
  config.webhooks = {webhook.url("/hook?token=1")};
  config.alertmanagers = {manager.url("")};
  TestHub hub{config};
  const auto host = hub.enroll();
  auto caller = hub.stranger(host.key);
  const std::string path = "/v1/hosts/" + host.id + "/heartbeat";
  REQUIRE(caller.ask("POST", path, beat_body(1)).status == 200);

  const auto has = [](const std::vector<Receiver::Taken>& all, const std::string& alert) {
    return std::any_of(all.begin(), all.end(), [&](const Receiver::Taken& taken) {
      return taken.status == 200 && taken.body.find("\"" + alert + "\"") != std::string::npos;
    });
  };
  auto taken = webhook.wait_for([&](const auto& all) { return has(all, "HostDead"); });
  REQUIRE(has(taken, "HostLate"));
  REQUIRE(has(taken, "HostDead"));
  CHECK(taken[0].status == 500);
  CHECK(taken[0].id == taken[1].id);  // the same alert, told again
  CHECK(taken[0].body == taken[1].body);
  CHECK(taken[0].path == "/hook?token=1");
  const auto managed = manager.wait_for([&](const auto& all) { return has(all, "HostDead"); });
  REQUIRE(has(managed, "HostDead"));
  CHECK(managed[0].path == "/api/v2/alerts");

  hub.stop();
  hub.start();
  auto again = hub.stranger(host.key);
  REQUIRE(again.ask("POST", path, beat_body(2)).status == 200);
  taken = webhook.wait_for([&](const auto& all) { return has(all, "HostRecovered"); });
  REQUIRE(has(taken, "HostRecovered"));
  // A hub that ends between an answer and noting it tells the same alert again: same id, same
  // bytes.
  std::set<std::pair<std::string, std::string>> told;
  for (const Receiver::Taken& one : taken)
    if (one.body.find("\"HostDead\"") != std::string::npos) told.emplace(one.id, one.body);
  CHECK(told.size() == 1);
}

TEST_CASE("hub watcher: it is told while the hub's own alert loop works", "[hub][api]") {
  Receiver watcher;
  HubServerConfig config;
  config.watcher = watcher.url("/ping");
  config.watcher_every = 1s;
  const TestHub hub{config};
  const auto pings = watcher.wait_for([](const auto& all) { return all.size() >= 2; });
  REQUIRE(pings.size() >= 2);
  CHECK(pings[0].path == "/ping");
  CHECK(hub.stranger().ask("GET", "/healthz").status == 200);
}

TEST_CASE("hub data: it is made once, and one hub works on it", "[hub][api]") {
  const TestHub hub;
  const SystemClock clock;
  const auto again = init(hub.data(), {{"localhost"}, 8443}, clock.now());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::conflict);
  HubServerConfig config;
  config.listen = "127.0.0.1:0";
  const auto second = Hub::start({.data = hub.data(), .config = config}, clock);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::conflict);
  const auto bad = init({hub.data().path + "-2"}, {{"not a name"}, 8443}, clock.now());
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code() == Errc::invalid);
}

}  // namespace
}  // namespace holdfast::hub
