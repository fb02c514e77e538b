// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/cli/fake_control_plane.hpp"

namespace holdfast::api {
namespace {

using nlohmann::json;

struct Daemon {
  FakeControlPlane fake{};

  http::Response ask(const std::string& method, const std::string& target,
                     const std::string& body = {}) {
    http::Request request;
    request.method = method;
    request.body = body;
    REQUIRE(http::decode_target(target, request));
    return answer(fake.control_plane(), request);
  }
  json get(const std::string& target) {
    const auto response = ask("GET", target);
    INFO(target << " " << response.body);
    REQUIRE(response.status == 200);
    return json::parse(response.body);
  }
};

json error_of(const http::Response& response) { return json::parse(response.body).at("error"); }

}  // namespace

TEST_CASE("routes: reads answer with what the daemon knows", "[api]") {
  Daemon daemon;
  daemon.fake.add_ticket();
  CHECK(daemon.get("/v1/status")["generation"] == 7);
  CHECK(daemon.get("/v1/guests").at(0)["name"] == "acme");
  CHECK(daemon.get("/v1/guests/acme")["power"] == "Running");
  CHECK(daemon.get("/v1/guests/acme/why")["sentences"].at(0) == "acme is as it should be.");
  CHECK(daemon.get("/v1/guests/acme/snapshots").empty());
  CHECK(daemon.get("/v1/operations").at(0)["id"] == "op-1");
  CHECK(daemon.get("/v1/operations/op-1")["steps"].at(0)["name"] == "restore root");
  CHECK(daemon.get("/v1/tickets").at(0)["rule"] == "NeedsSignature");
  CHECK(daemon.get("/v1/tickets/" + std::string{sample_ticket})["subject"] == "guest/acme");
  daemon.fake.add_backups();
  CHECK(daemon.get("/v1/backups").size() == 3);
  CHECK(daemon.get("/v1/backups?guest=acme").at(0)["id"] == "local:backup/one");
  CHECK(daemon.ask("GET", "/v1/backups?name=acme").status == 400);
  CHECK(daemon.get("/v1/images").at(0)["version"] == "1.0.0");
  CHECK(daemon.get("/v1/targets").at(1)["problem"] == "No such file or directory");
  const auto support = daemon.ask("GET", "/v1/support");
  CHECK(support.content_type == "text/plain; charset=utf-8");
  CHECK(support.body == "configuration:\nworkers: 4\n");
}

TEST_CASE("routes: signed jobs are handed in and listed", "[api]") {
  Daemon daemon;
  CHECK(daemon.get("/v1/jobs").empty());
  CHECK(daemon.ask("POST", "/v1/jobs").status == 400);
  const auto refused = daemon.ask("POST", "/v1/jobs", R"({"payload":"","signatures":[]})");
  CHECK(refused.status == 403);
  CHECK(error_of(refused)["message"] == "Unsigned: it carries no signature");
  const auto taken = daemon.ask("POST", "/v1/jobs", "BEGIN SSH SIGNATURE");
  CHECK(taken.status == 200);
  CHECK(json::parse(taken.body)["operation"] == "op-2");
  CHECK(daemon.get("/v1/jobs?limit=1").at(0)["state"] == "running");
  CHECK(daemon.get("/v1/jobs/" + std::string{sample_ticket})["action"] == "guest.destroy");
  CHECK(daemon.ask("GET", "/v1/jobs/none").status == 404);
}

TEST_CASE("routes: writes reach the daemon", "[api]") {
  Daemon daemon;
  const auto taken = daemon.ask("POST", "/v1/guests/acme/snapshots", R"({"name":"before"})");
  CHECK(taken.status == 200);
  CHECK(json::parse(taken.body)["operation"] == "op-2");
  CHECK(daemon.get("/v1/guests/acme/snapshots").at(0)["name"] == "before");
  CHECK(daemon.ask("POST", "/v1/guests/acme/undelete").status == 200);
  CHECK(daemon.ask("POST", "/v1/images", R"({"path":"/mnt/tiny"})").status == 200);
  CHECK(daemon.fake.imported == std::vector<std::string>{"/mnt/tiny"});
  const auto stuck = to_string(daemon.fake.operation_of("guest.create", "guest/x", "stuck"));
  CHECK(daemon.ask("POST", "/v1/operations/" + stuck + "/rollback").status == 200);
  CHECK(daemon.get("/v1/operations/" + stuck)["operation"]["state"] == "rolling_back");
  daemon.fake.needs_recovery = true;
  CHECK(json::parse(daemon.ask("POST", "/v1/recover").body)["done"] == false);
  CHECK(daemon.fake.needs_recovery);
  CHECK(json::parse(daemon.ask("POST", "/v1/recover?confirm=true").body)["done"] == true);
  CHECK_FALSE(daemon.fake.needs_recovery);
}

TEST_CASE("routes: an enrolment names hub and token and nothing else", "[api]") {
  FakeControlPlane daemon;
  const auto post = [&](const std::string& body) {
    return answer(daemon.control_plane(), {.method = "POST", .path = "/v1/enroll", .body = body});
  };
  CHECK(post(R"({"hub":"https://hub","token":"hf1.good"})").status == 200);
  CHECK(post(R"({"hub":"https://hub","token":"hf1.bad"})").status == 403);
  for (const auto* body : {"", "[]", R"({"hub":"https://hub"})", R"({"hub":1,"token":"t"})",
                           R"({"hub":"h","token":"t","key":"k"})"})
    CHECK(post(body).status == 400);
}

TEST_CASE("routes: metrics are Prometheus' text, and nothing without a counter", "[api]") {
  struct Counting final : Metrics {
    Result<std::string> exposition() override { return std::string{"up 1\n"}; }
  } counting;
  FakeControlPlane daemon;
  auto plane = daemon.control_plane();
  const http::Request request{.method = "GET", .path = "/metrics"};
  CHECK(answer(plane, request).body.empty());
  plane.metrics = &counting;
  CHECK(answer(plane, request).body == "up 1\n");
  CHECK(answer(plane, request).content_type == exposition_type);
}

TEST_CASE("routes: plan takes a body or none and apply needs one", "[api]") {
  Daemon daemon;
  const std::string text =
      "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: beta}\nspec: {image: {name: tiny, "
      "version: 1.0.0}, memory: 128Mi, rootDisk: {size: 64Mi}}\n";
  CHECK(json::parse(daemon.ask("POST", "/v1/plan").body)["inSync"] == true);
  CHECK(json::parse(daemon.ask("POST", "/v1/plan", text).body)["inSync"] == false);
  CHECK(daemon.ask("POST", "/v1/apply").status == 400);
  daemon.fake.polls_until_done = 9;
  const auto applied = json::parse(daemon.ask("POST", "/v1/apply", text).body);
  CHECK(applied["written"].at(0) == "guest-beta.yaml");
  CHECK(applied["plan"]["actions"].size() == 1);
}

TEST_CASE("routes: what needs a signature is denied and names its ticket", "[api]") {
  Daemon daemon;
  for (const auto& [method, path] : {std::pair{"POST", "/v1/guests/acme/destroy"},
                                     {"DELETE", "/v1/guests/acme/snapshots/s"},
                                     {"POST", "/v1/guests/acme/snapshots/s/rollback"}}) {
    const auto response = daemon.ask(method, path);
    CHECK(response.status == 403);
    CHECK(error_of(response)["kind"] == "denied");
    CHECK(error_of(response)["message"].get<std::string>().find(sample_ticket) !=
          std::string::npos);
  }
}

TEST_CASE("routes: each kind of error has its status", "[api]") {
  Daemon daemon;
  for (const auto& [code, status] : {std::pair{Errc::invalid, 400},
                                     {Errc::denied, 403},
                                     {Errc::not_found, 404},
                                     {Errc::conflict, 409},
                                     {Errc::unavailable, 503},
                                     {Errc::exhausted, 507},
                                     {Errc::corrupt, 500},
                                     {Errc::internal, 500}}) {
    daemon.fake.failure = Error{code, "it \xFF went wrong"};
    const auto response = daemon.ask("GET", "/v1/guests");
    CHECK(response.status == status);
    std::string kind{to_string(code)};
    std::replace(kind.begin(), kind.end(), ' ', '_');
    CHECK(error_of(response)["kind"] == kind);
    CHECK(error_of(response)["message"].get<std::string>().find("went wrong") != std::string::npos);
  }
}

TEST_CASE("routes: kinds are one word", "[api]") {
  Daemon daemon;
  CHECK(error_of(daemon.ask("GET", "/v1/guests/nobody"))["kind"] == "not_found");
}

TEST_CASE("routes: unknown ones are named and wrong methods say the right one", "[api]") {
  Daemon daemon;
  for (const char* path : {"/", "/v2/status", "/v1", "/v1/", "/v1/status/", "/v1/guests/",
                           "/v1/guests//why", "/v1/guests/a/b/c/d", "/v1/statuses"}) {
    const auto response = daemon.ask("GET", path);
    INFO(path);
    CHECK(response.status == 404);
    CHECK(error_of(response)["message"].get<std::string>().find(path) != std::string::npos);
  }
  const auto wrong = daemon.ask("DELETE", "/v1/guests/acme/snapshots");
  CHECK(wrong.status == 405);
  CHECK(error_of(wrong)["message"] == "/v1/guests/acme/snapshots takes GET or POST, not DELETE");
  CHECK(daemon.ask("GET", "/v1/guests/" + std::string(300, 'a')).status == 404);
}

TEST_CASE("routes: wrong input is refused and changes nothing", "[api]") {
  Daemon daemon;
  struct Row {
    const char* method;
    const char* target;
    const char* body;
  };
  for (const auto& row : {
           Row{"POST", "/v1/guests/acme/snapshots", ""},
           Row{"POST", "/v1/guests/acme/snapshots", "name=before"},
           Row{"POST", "/v1/guests/acme/snapshots", "[]"},
           Row{"POST", "/v1/guests/acme/snapshots", R"({"name":7})"},
           Row{"POST", "/v1/guests/acme/snapshots", R"({"name":""})"},
           Row{"POST", "/v1/guests/acme/snapshots", R"({"name":"a","force":true})"},
           Row{"POST", "/v1/images", R"({"path":"relative/path"})"},
           Row{"POST", "/v1/images", R"({"path":""})"},
           Row{"POST", "/v1/operations/op-/retry", ""},
           Row{"GET", "/v1/operations/op-x", ""},
           Row{"GET", "/v1/operations?limit=0", ""},
           Row{"GET", "/v1/operations?limit=-1", ""},
           Row{"GET", "/v1/operations?limit=many", ""},
           Row{"GET", "/v1/operations?lim=5", ""},
           Row{"GET", "/v1/operations?imit=5", ""},
           Row{"GET", "/v1/operations?subject%20limit=5", ""},
           Row{"GET", "/v1/status?verbose=1", ""},
           Row{"POST", "/v1/recover?confirm=yes", ""},
           Row{"POST", "/v1/guests/acme/destroy?force=true", ""},
           Row{"POST", "/v1/plan", "kind: ["},
       }) {
    const auto response = daemon.ask(row.method, row.target, row.body);
    INFO(row.method << " " << row.target << " " << row.body << " " << response.body);
    CHECK(response.status == 400);
    CHECK(error_of(response)["kind"] == "invalid");
  }
  CHECK(daemon.get("/v1/guests/acme/snapshots").empty());
  CHECK(daemon.fake.imported.empty());
}

TEST_CASE("routes: operations are filtered by subject and limit", "[api]") {
  Daemon daemon;
  for (int i = 0; i < 60; ++i) daemon.fake.operation_of("guest.power", "guest/beta", "succeeded");
  CHECK(daemon.get("/v1/operations").size() == 50);
  CHECK(daemon.get("/v1/operations?limit=3").size() == 3);
  CHECK(daemon.get("/v1/operations?subject=guest/acme").size() == 1);
  CHECK(daemon.get("/v1/operations?limit=99999").size() == 61);
}

}  // namespace holdfast::api
