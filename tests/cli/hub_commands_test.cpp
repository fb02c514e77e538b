// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "cli/run.hpp"
#include "schema/job.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using Json = nlohmann::json;

struct Said {
  int status = -1;
  std::string out{};
  std::string err{};
};

// `holdfast hub ...` against a real hub.
struct Desk {
  Desk() : host{hub.enroll()} {
    write("ca.pem", hub.ca());
    const auto file = Json::parse(must(read_file(hub.data().file("operator.json"))));
    variables = {{"HOME", folder.path()},
                 {"HOLDFAST_HUB_URL", "https://127.0.0.1:" + std::to_string(hub.port())},
                 {"HOLDFAST_HUB_KEY", file["key"]},
                 {"HOLDFAST_HUB_CA", folder.path() + "/ca.pem"}};
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream{folder.path() + "/" + name} << text;
    return folder.path() + "/" + name;
  }
  Said run(std::vector<std::string> words, const std::string& input = {}) const {
    words.insert(words.begin(), "hub");
    std::istringstream in{input};
    std::ostringstream out;
    std::ostringstream err;
    const SystemClock clock;
    cli::Environment environment{.in = in,
                                 .out = out,
                                 .err = err,
                                 .clock = clock,
                                 .sleep = [](Duration) {},
                                 .variables = variables};
    Said said;
    said.status = cli::run(words, environment);
    said.out = out.str();
    said.err = err.str();
    return said;
  }
  Folder folder{};
  TestHub hub{};
  TestHub::Enrolled host;
  std::map<std::string, std::string> variables{};
};

std::string guest(const std::string& name, const std::string& memory = "1Gi") {
  return "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: " + name +
         "}\nspec:\n  image: {name: tiny, version: 1.0.0}\n  memory: " + memory +
         "\n  rootDisk: {size: 1Gi}\n";
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

TEST_CASE("holdfast hub: apply, history, diff, show and rollback", "[hub][cli]") {
  const Desk desk;
  const auto id = desk.host.id;
  const auto file = desk.write("a.yaml", guest("acme"));
  const auto first = desk.run({"apply", "-f", file, "--host", id, "--comment", "new customer"});
  CHECK(first.status == 0);
  CHECK(has(first.out, "+ Guest acme"));
  CHECK(has(first.err, "generation 1 is stored"));
  const auto same = desk.run({"apply", "-f", file, "--host", id});
  CHECK(has(same.err, "nothing differs from generation 1"));
  const auto dry = desk.run({"apply", "-f", "-", "--host", id, "--dry-run"}, guest("acme", "2Gi"));
  CHECK(dry.status == 1);
  CHECK(has(dry.out, "~ Guest acme"));
  CHECK(has(dry.out, "/spec/memory: \"1Gi\" -> \"2Gi\""));
  CHECK(desk.run({"apply", "-f", "-", "--host", id}, guest("other")).status == 0);
  const auto pruned = desk.run({"apply", "-f", file, "--host", id, "--prune"});
  CHECK(has(pruned.out, "- Guest other"));

  const auto diff = desk.run({"diff", id, "2", "3"});
  CHECK(diff.status == 1);
  CHECK(has(diff.out, "- Guest other"));
  CHECK(desk.run({"diff", id, "1", "3"}).status == 0);
  CHECK(has(desk.run({"show", id, "2"}).out, "name: other"));
  CHECK(has(desk.run({"rollback", id, "2"}).err, "generation 4 is stored"));
  const auto history = desk.run({"history", id});
  CHECK(has(history.out, "GENERATION   AGE"));
  CHECK(has(history.out, "new customer"));
  const auto json = Json::parse(desk.run({"history", id, "-o", "json"}).out, nullptr, false);
  REQUIRE(json.is_array());
  CHECK(json.size() == 4);
  CHECK(json[0]["generation"] == 4);
}

TEST_CASE("holdfast hub: hosts, tokens, jobs, alerts and silences", "[hub][cli]") {
  const Desk desk;
  const auto id = desk.host.id;
  CHECK(has(desk.run({"host", "list"}).out, id.substr(0, 12) + "   site-" + id.substr(0, 4)));
  CHECK(has(desk.run({"host", "show", id}).out, "Last heartbeat:"));
  const auto token = desk.run({"enroll-token"}).out;
  CHECK(parse_enroll_token(token.substr(0, token.size() - 1)));

  const std::string payload =
      R"({"apiVersion":"holdfast/v1","kind":"Job","id":")" + std::string(32, '5') +
      R"(","action":"guest.destroy","hostId":")" + id +
      R"(","guest":{"uuid":"6b3e2f5c-0d3a-4f0e-9a61-0d6c3b1f7a55",)"
      R"("incarnation":1,"name":"acme"},"notBefore":"2026-11-25T00:00:00Z",)"
      R"("expires":"2026-11-26T00:00:00Z","params":{},"reason":"x"})";
  const auto job = desk.write("job.signed.json", to_json(JobEnvelope{payload, {"armored"}}));
  const auto put = desk.run({"job", "put", job});
  INFO(put.err);
  CHECK(put.status == 0);
  CHECK(has(desk.run({"job", "list", id}).out, "queued"));
  CHECK(has(desk.run({"job", "put", desk.write("no.json", "{}")}).err, "not an envelope"));

  CHECK(has(desk.run({"alerts"}).err, "no alerts"));
  const auto silence = desk.run({"silence", "create", id, "--for", "2h", "--reason", "works"}).out;
  CHECK(has(desk.run({"silence", "list"}).out, "works"));
  CHECK(desk.run({"silence", "end", silence.substr(0, 32)}).status == 0);
  CHECK(has(desk.run({"silence", "list"}).err, "nothing is silenced"));
  CHECK(desk.run({"silence", "create", id}).status == 2);  // a silence has an end

  CHECK(desk.run({"host", "remove", id}).status == 2);  // nobody there to agree
  CHECK(desk.run({"host", "remove", id, "--yes"}).status == 0);
  CHECK(has(desk.run({"host", "list"}).err, "no hosts"));
}

TEST_CASE("holdfast hub: what is wrong is said, with what to do", "[hub][cli]") {
  Desk desk;
  CHECK(has(desk.run({"host", "show", "nobody"}).err, "there is no host nobody"));
  const auto bad = desk.run({"apply", "-f", "-", "--host", desk.host.id}, guest("acme", "1Gb"));
  CHECK(bad.status == 2);
  CHECK(has(bad.err, "/spec/memory: found \"1Gb\""));
  SECTION("another key") {
    desk.variables["HOLDFAST_HUB_KEY"] = std::string(43, 'A');
    CHECK(has(desk.run({"host", "list"}).err, "send the key"));
  }
  SECTION("another CA") {
    desk.variables["HOLDFAST_HUB_CA"] = "";
    CHECK(has(desk.run({"host", "list"}).err, "is not who it should be"));
  }
  SECTION("no hub") {
    desk.variables.erase("HOLDFAST_HUB_URL");
    CHECK(has(desk.run({"host", "list"}).err, "no hub is named"));
  }
  SECTION("a file that others may read") {
    desk.variables = {{"HOME", desk.folder.path()}};
    const auto folder = desk.folder.path() + "/.config/holdfast";
    std::filesystem::create_directories(folder);
    const auto path = folder + "/hub.json";
    std::ofstream{path} << must(read_file(desk.hub.data().file("operator.json")));
    ::chmod(path.c_str(), 0644);
    CHECK(has(desk.run({"host", "list"}).err, "others may read it"));
    ::chmod(path.c_str(), 0600);
    CHECK(has(desk.run({"host", "list"}).err, "cannot reach"));  // the port that init wrote
  }
}

}  // namespace
}  // namespace holdfast::hub
