// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <future>
#include <thread>

#include "base/sha256.hpp"
#include "schema/desired_state.hpp"
#include "schema/hub_report.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

const std::string guest =
    "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: acme}\nspec:\n  provider: libvirt\n"
    "  image: {name: tiny, version: 1.0.0}\n  cpus: 1\n  memory: 1Gi\n"
    "  rootDisk: {size: 1Gi, target: local}\n";

HubApplyReport apply(Caller& caller, const std::string& host, const std::string& text) {
  const auto answer = caller.ask("POST", "/v1/hosts/" + host + "/desired", text);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  return must(parse_hub_report<HubApplyReport>(answer.body));
}

// One host's end of the protocol.
struct HostEnd {
  explicit HostEnd(const TestHub& hub)
      : self{hub.enroll()}, caller{hub.port(), hub.ca(), self.key} {}
  std::string path(const std::string& verb) const { return "/v1/hosts/" + self.id + "/" + verb; }
  http::Response beat(std::uint64_t sequence) {
    return caller.ask("POST", path("heartbeat"), beat_body(sequence));
  }
  http::Response sync(const std::string& body, int wait = 0) {
    return caller.ask("POST", path("sync"), body, {}, {{"Prefer", "wait=" + std::to_string(wait)}});
  }
  SyncResponse must_sync(const std::string& body, int wait = 0) {
    const auto answer = sync(body, wait);
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    return must(parse_message<SyncResponse>(answer.body));
  }
  TestHub::Enrolled self;
  Caller caller;
};

Held held(const std::string& desired) {
  const auto state = must(parse_desired_state(desired, "test"));
  return {state.generation, digest_of(resources_to_canonical_json(state))};
}

TEST_CASE("hub enrolment: a token is good for one host, once", "[hub][api]") {
  const TestHub hub;
  const auto token = hub.token();
  const TestHost first;
  auto stranger = hub.stranger();
  const auto enrolled = stranger.ask("POST", "/v1/enroll", to_json(first.enrolment(token)));
  REQUIRE(enrolled.status == 200);
  const auto response = must(parse_message<EnrollResponse>(enrolled.body));
  CHECK(response.host_id == first.id);
  CHECK(response.ca == hub.ca());

  const TestHost second;
  const auto spent = stranger.ask("POST", "/v1/enroll", to_json(second.enrolment(token)));
  CHECK(spent.status == 403);
  CHECK(spent.body.find("TokenSpent") != std::string::npos);
  const auto unknown =
      stranger.ask("POST", "/v1/enroll", to_json(second.enrolment(std::string(32, 'f'))));
  CHECK(unknown.status == 403);
  CHECK(unknown.body.find("TokenUnknown") != std::string::npos);

  // Another's proof, and another's id.
  auto stolen = second.enrolment(hub.token());
  stolen.proof = first.enrolment(stolen.token).proof;
  CHECK(stranger.ask("POST", "/v1/enroll", to_json(stolen)).status == 403);
  auto posing = second.enrolment(hub.token());
  posing.host_id = first.id;
  CHECK(stranger.ask("POST", "/v1/enroll", to_json(posing)).status == 400);
}

TEST_CASE("hub enrolment: enrolling again replaces the key and keeps the host", "[hub][api]") {
  const TestHub hub;
  const TestHost host;
  auto stranger = hub.stranger();
  const auto enroll = [&] {
    const auto answer = stranger.ask("POST", "/v1/enroll", to_json(host.enrolment(hub.token())));
    REQUIRE(answer.status == 200);
    return must(parse_message<EnrollResponse>(answer.body)).key;
  };
  auto old_key = hub.stranger(enroll());
  auto operators = hub.operator_caller();
  CHECK(apply(operators, host.id, guest).generation == 1);
  auto new_key = hub.stranger(enroll());
  const std::string path = "/v1/hosts/" + host.id + "/heartbeat";
  CHECK(old_key.ask("POST", path, beat_body(1)).status == 401);
  CHECK(new_key.ask("POST", path, beat_body(1)).status == 200);
  CHECK(apply(operators, host.id, guest).generation == 1);  // its history is still there
}

TEST_CASE("hub keys: nothing is readable across hosts, nor without a key", "[hub][api]") {
  const TestHub hub;
  HostEnd one{hub};
  HostEnd other{hub};
  CHECK(one.beat(1).status == 200);
  CHECK(one.caller.ask("POST", other.path("heartbeat"), beat_body(1)).status == 403);
  CHECK(one.caller.ask("POST", other.path("sync"), sync_body(1)).status == 403);
  for (const auto* path : {"/v1/hosts", "/v1/alerts", "/metrics", "/v1/silences"}) {
    CHECK(one.caller.ask("GET", path).status == 401);  // a host is no operator
    CHECK(hub.stranger().ask("GET", path).status == 401);
    CHECK(hub.stranger(std::string(43, 'A')).ask("GET", path).status == 401);
  }
  CHECK(one.caller.ask("POST", "/v1/hosts/" + one.self.id + "/desired", guest).status == 401);
  CHECK(hub.operator_caller().ask("POST", one.path("heartbeat"), beat_body(9)).status == 401);
}

TEST_CASE("hub keys: what is stored are hashes alone", "[hub][api]") {
  TestHub hub;
  const HostEnd host{hub};
  const auto token = hub.token();
  const auto operator_file = must(read_file(hub.data().file("operator.json")));
  const auto at = operator_file.find("\"key\": \"") + 8;
  const auto operator_key = operator_file.substr(at, 43);
  hub.stop();
  const auto database = must(read_file(hub.data().database()));
  CHECK(database.find(host.self.id) != std::string::npos);
  CHECK(database.find(host.self.key) == std::string::npos);
  CHECK(database.find(token) == std::string::npos);
  CHECK(database.find(operator_key) == std::string::npos);
}

TEST_CASE("hub keys: a viewer sees and changes nothing, desired state least of all", "[hub][api]") {
  const TestHub hub;
  const HostEnd host{hub};
  auto operators = hub.operator_caller();
  apply(operators, host.self.id, guest);
  auto viewer = hub.stranger(hub.add_viewer("eve"));
  const std::string base = "/v1/hosts/" + host.self.id;
  CHECK(viewer.ask("GET", "/v1/hosts").status == 200);
  CHECK(viewer.ask("GET", "/metrics").status == 200);
  CHECK(viewer.ask("GET", base + "/generations/1").status == 403);
  CHECK(viewer.ask("POST", base + "/desired", guest).status == 403);
  CHECK(viewer.ask("POST", base + "/jobs", "{}").status == 403);
  CHECK(viewer.ask("POST", "/v1/enroll-tokens").status == 403);
  CHECK(viewer.ask("DELETE", base).status == 403);
}

TEST_CASE("hub heartbeats: a sequence that does not grow is a replay", "[hub][api]") {
  TestHub hub;
  HostEnd host{hub};
  CHECK(host.beat(5).status == 200);
  CHECK(host.beat(5).status == 409);
  CHECK(host.beat(4).status == 409);
  CHECK(host.beat(6).status == 200);
  hub.stop();
  hub.start();
  Caller again{hub.port(), hub.ca(), host.self.key};
  const auto path = host.path("heartbeat");
  CHECK(again.ask("POST", path, beat_body(6)).status == 409);  // it was stored
  CHECK(again.ask("POST", path, beat_body(7)).status == 200);
  const auto other_life = beat_body(1, 1s, std::string(32, 'c'));
  CHECK(again.ask("POST", path, other_life).status == 200);
  CHECK(again.ask("POST", path, "{}").status == 400);
  CHECK(again.ask("POST", path, std::string(20'000, ' ')).status == 413);
}

TEST_CASE("hub sync: a host is sent what it does not hold, once in a session", "[hub][api]") {
  const TestHub hub;
  HostEnd host{hub};
  auto operators = hub.operator_caller();
  CHECK(host.must_sync(sync_body(1)).desired.empty());
  apply(operators, host.self.id, guest);
  const auto first = host.must_sync(sync_body(2), 30);
  REQUIRE_FALSE(first.desired.empty());
  CHECK(held(first.desired).generation == 1);
  CHECK(host.must_sync(sync_body(3)).desired.empty());  // it was sent already
  const auto other_session = sync_body(1, {}, std::string(32, 'd'));
  CHECK_FALSE(host.must_sync(other_session).desired.empty());  // it was lost
  const auto holds = sync_body(1, held(first.desired), std::string(32, 'e'));
  CHECK(host.must_sync(holds).desired.empty());
  auto forked = held(first.desired);
  forked.digest = digest_of("something else");
  CHECK_FALSE(host.must_sync(sync_body(1, forked, std::string(32, 'f'))).desired.empty());
  CHECK(host.sync(sync_body(0, forked, std::string(32, 'f'))).status == 409);  // out of turn
}

TEST_CASE("hub sync: an edit reaches a host that waits within 100 ms", "[hub][api]") {
  const TestHub hub;
  HostEnd host{hub};
  auto operators = hub.operator_caller();
  auto fastest = std::chrono::steady_clock::duration{10s};
  for (std::uint64_t i = 1; i <= 5; ++i) {  // a busy machine may spoil some
    auto waiting = std::async(std::launch::async, [&] { return host.sync(sync_body(i), 50); });
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    const auto is_parked = [&] {
      const auto answer = operators.ask("GET", "/v1/hosts/" + host.self.id);
      return must(parse_hub_report<HubHostReport>(answer.body)).is_connected;
    };
    while (!is_parked() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    const auto start = std::chrono::steady_clock::now();
    apply(operators, host.self.id,
          std::string{guest}.replace(guest.find("cpus: 1"), 7, "cpus: " + std::to_string(i + 1)));
    const auto news = must(parse_message<SyncResponse>(waiting.get().body));
    fastest = std::min(fastest, std::chrono::steady_clock::now() - start);
    REQUIRE_FALSE(news.desired.empty());
    CHECK(held(news.desired).generation == i);
  }
  CHECK(fastest < 100ms);
}

TEST_CASE("hub sync: a poll ends when its time is up, when another comes, and when the hub stops",
          "[hub][api]") {
  TestHub hub;
  HostEnd host{hub};
  auto start = std::chrono::steady_clock::now();
  CHECK(host.must_sync(sync_body(1), 1).desired.empty());
  CHECK(std::chrono::steady_clock::now() - start >= 1s);
  start = std::chrono::steady_clock::now();
  auto waiting = std::async(std::launch::async, [&] { return host.sync(sync_body(2), 50); });
  Caller second{hub.port(), hub.ca(), host.self.key};
  auto operators = hub.operator_caller();
  const auto wait_until_parked = [&] {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto answer = operators.ask("GET", "/v1/hosts/" + host.self.id);
      if (must(parse_hub_report<HubHostReport>(answer.body)).is_connected) return;
    }
  };
  wait_until_parked();
  CHECK(second.ask("POST", host.path("sync"), sync_body(3), {}, {{"Prefer", "wait=1"}}).status ==
        200);
  waiting.get();
  auto last = std::async(std::launch::async, [&] { return host.sync(sync_body(4), 50); });
  wait_until_parked();
  hub.stop();
  last.get();
  CHECK(std::chrono::steady_clock::now() - start < 20s);
}

TEST_CASE("hub sync: what a host says beside its poll leaves the poll where it is", "[hub][api]") {
  const TestHub hub;
  HostEnd host{hub};
  auto operators = hub.operator_caller();
  auto waiting = std::async(std::launch::async, [&] { return host.sync(sync_body(1), 50); });
  const auto host_report = [&] {
    const auto answer = operators.ask("GET", "/v1/hosts/" + host.self.id);
    return must(parse_hub_report<HubHostReport>(answer.body));
  };
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!host_report().is_connected && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  Caller beside{hub.port(), hub.ca(), host.self.key};
  SyncRequest said{.session = std::string(32, 'b'), .sequence = 2};
  said.report = StatusReport{};
  CHECK(beside.ask("POST", host.path("sync"), to_json(said)).status == 200);
  CHECK(host_report().is_connected);
  CHECK(waiting.wait_for(0s) == std::future_status::timeout);
  apply(operators, host.self.id, guest);
  CHECK(waiting.get().body.find("\"desired\"") != std::string::npos);
  // One of another session means that the old poll's answer would go nowhere.
  waiting = std::async(std::launch::async, [&] { return host.sync(sync_body(3), 50); });
  while (!host_report().is_connected && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  said.session = std::string(32, 'c');
  const auto news = beside.ask("POST", host.path("sync"), to_json(said));
  CHECK(news.body.find("\"desired\"") != std::string::npos);  // it holds nothing yet
  CHECK(waiting.get().body.find("\"desired\"") == std::string::npos);
}

TEST_CASE("hub jobs: they travel unopened, and a result ends them", "[hub][api]") {
  TestHub hub;
  HostEnd host{hub};
  auto operators = hub.operator_caller();
  const std::string base = "/v1/hosts/" + host.self.id + "/jobs";
  const JobEnvelope job{std::string{"not even \0 JSON", 15}, {"signature one"}};
  const auto digest = digest_of(job.payload);
  CHECK(operators.ask("POST", base, to_json(job)).status == 200);
  CHECK(operators.ask("POST", base, to_json(JobEnvelope{"x", {}})).status == 400);

  const auto first = host.must_sync(sync_body(1), 30);
  REQUIRE(first.jobs.size() == 1);
  CHECK(first.jobs[0] == job);
  CHECK(host.must_sync(sync_body(2)).jobs.empty());

  // A second operator signs: it is news again, with both.
  CHECK(operators.ask("POST", base, to_json(JobEnvelope{job.payload, {"signature two"}})).status ==
        200);
  const auto both = host.must_sync(sync_body(3), 30);
  REQUIRE(both.jobs.size() == 1);
  CHECK(both.jobs[0].signatures == std::vector<std::string>{"signature one", "signature two"});

  SyncRequest result{.session = std::string(32, 'b'), .sequence = 4};
  result.job_results = {{.payload = digest,
                         .job = std::string(32, '1'),
                         .state = JobState::refused,
                         .code = "WrongHost",
                         .message = "not mine",
                         .at = Time{1s}}};
  CHECK(host.must_sync(to_json(result), 30).acknowledged == std::vector<std::string>{digest});
  hub.stop();  // the acknowledgement was lost, and the hub has restarted
  hub.start();
  host.caller = Caller{hub.port(), hub.ca(), host.self.key};
  operators = hub.operator_caller();
  ++result.sequence;
  result.job_results[0].state = JobState::done;  // and now it says otherwise
  const auto again = host.must_sync(to_json(result), 30);
  CHECK(again.acknowledged == std::vector<std::string>{digest});
  CHECK(again.jobs.empty());
  const auto list =
      must(parse_hub_report<std::vector<HubJobReport>>(operators.ask("GET", base).body));
  REQUIRE(list.size() == 1);
  CHECK(list[0].state == "refused");
  CHECK(list[0].code == "WrongHost");
  CHECK(operators.ask("POST", base, to_json(job)).status == 409);
}

TEST_CASE("hub jobs: more than sixteen come in turns, and a stranger's result is acknowledged",
          "[hub][api]") {
  const TestHub hub;
  HostEnd host{hub};
  auto operators = hub.operator_caller();
  for (int i = 0; i < 20; ++i)
    REQUIRE(operators
                .ask("POST", "/v1/hosts/" + host.self.id + "/jobs",
                     to_json(JobEnvelope{"job " + std::to_string(i), {"s"}}))
                .status == 200);
  const auto first = host.must_sync(sync_body(1), 30);
  const auto second = host.must_sync(sync_body(2), 30);
  CHECK(first.jobs.size() == 16);
  CHECK(first.jobs[0].payload == "job 0");
  CHECK(second.jobs.size() == 4);
  SyncRequest result{.session = std::string(32, 'b'), .sequence = 3};
  result.job_results = {{.payload = digest_of("by hand"), .state = JobState::done, .at = Time{1s}}};
  CHECK(host.must_sync(to_json(result), 30).acknowledged.size() == 1);
}

TEST_CASE("hub limits: who asks too often is told to wait, and others are not", "[hub][api]") {
  HubServerConfig config;
  config.requests_per_second = 1;  // five at once
  const TestHub hub{config};
  HostEnd host{hub};
  HostEnd other{hub};
  int limited = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) limited += host.beat(i).status == 429 ? 1 : 0;
  CHECK(limited >= 10);
  CHECK(other.beat(1).status == 200);
  auto stranger = hub.stranger("guess");
  int refused = 0;
  for (int i = 0; i < 60; ++i) refused += stranger.ask("GET", "/v1/hosts").status == 429 ? 1 : 0;
  CHECK(refused >= 20);
  CHECK(hub.operator_caller().ask("GET", "/v1/hosts").status == 200);  // from the same address
}

}  // namespace
}  // namespace holdfast::hub
