// SPDX-License-Identifier: Apache-2.0
#include "schema/desired_state.hpp"

#include <string>
#include <utility>
#include <vector>

#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {
namespace {

const std::string bad_guest = guest_with(R"("cpus":0)", "bad");

std::string problem_of(const std::string& text) {
  const auto state = parse_desired_state(text, "hub.json");
  return state ? "accepted" : state.error().message();
}

std::string resource(const std::string& kind, const std::string& name) {
  return R"({"apiVersion":"holdfast/v1","kind":")" + kind + R"(","metadata":{"name":")" + name +
         R"("},"spec":{"x":1}})";
}

}  // namespace

TEST_CASE("desired state: host and generation and resources are read", "[schema][envelope]") {
  const auto state =
      parse_desired_state(envelope_with(guest_with("", "b") + "," + guest_with("", "a") + "," +
                                        image_with(image_disk()) + "," + host_config_with("")),
                          "hub.json");
  REQUIRE(state);
  CHECK(state->host_id == "9f86d081884c7d659a2feaa0c55ad015");
  CHECK(state->generation == 7);
  CHECK(to_string(state->issued_at) == "2026-11-22T19:36:00.000Z");
  REQUIRE(state->guests.size() == 2);
  CHECK(state->guests[0].name == "a");
  CHECK(state->guests[1].name == "b");
  CHECK(state->images.size() == 1);
  CHECK(state->host_config == HostConfig{});
  CHECK(state->rejected.empty());
}

TEST_CASE("desired state: one bad resource does not stop the others", "[schema][envelope]") {
  const auto state = parse_desired_state(
      envelope_with(guest_with("", "a") + "," + bad_guest + "," + guest_with("", "c")), "hub.json");
  REQUIRE(state);
  CHECK(state->guests.size() == 2);
  REQUIRE(state->rejected.size() == 1);
  const auto& rejected = state->rejected.front();
  CHECK(rejected.kind == "Guest");
  CHECK(rejected.name == "bad");
  CHECK(rejected.document == 2);
  CHECK(rejected.error.code() == Errc::invalid);
  CHECK(rejected.error.message() ==
        "hub.json: document 1: /resources/1/spec/cpus: found 0, expected whole CPUs from 1 to 512");
}

TEST_CASE("desired state: kinds of later versions and unknown ones are rejected by name",
          "[schema][envelope]") {
  const auto state = parse_desired_state(
      envelope_with(resource("StorageTarget", "usb") + "," + resource("BackupPolicy", "nightly") +
                    "," + resource("Gest", "acme") + "," + resource("Pod", "x")),
      "hub.json");
  REQUIRE(state);
  REQUIRE(state->rejected.size() == 4);
  const auto message = [&state](std::size_t i) { return state->rejected[i].error.message(); };
  CHECK(message(0).ends_with("kind BackupPolicy is not supported by this version"));
  CHECK(message(1).ends_with("/resources/2/kind: found \"Gest\", expected Guest"));
  CHECK(message(2).ends_with("found \"Pod\", expected Guest, Image or HostConfig"));
  CHECK(message(3).ends_with("kind StorageTarget is not supported by this version"));
}

TEST_CASE("desired state: a wrong apiVersion or a bad name rejects that resource only",
          "[schema][envelope]") {
  auto other_version = guest_with("", "a");
  other_version.replace(other_version.find("holdfast/v1"), 11, "holdfast/v2");
  const auto state = parse_desired_state(
      envelope_with(other_version + "," + guest_with("", "Not_A_Label") + "," + guest_with("")),
      "hub.json");
  REQUIRE(state);
  CHECK(state->guests.size() == 1);
  REQUIRE(state->rejected.size() == 2);
  CHECK(state->rejected[0].name == "Not_A_Label");
  CHECK(state->rejected[1].error.message().find("found \"holdfast/v2\", expected holdfast/v1") !=
        std::string::npos);
}

TEST_CASE("desired state: a resource nobody can name refuses the whole", "[schema][envelope]") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"7", "/resources/0: found 7, expected a resource with"},
      {"{}", "/resources/0/kind: expected a kind like Guest"},
      {R"({"kind":"Guest"})", "/resources/0/metadata/name: expected the resource's name"},
      {R"({"kind":"Guest","metadata":{"name":7}})", "/resources/0/metadata/name:"},
      {R"({"kind":"Guest","metadata":{"name":""}})", "/resources/0/metadata/name:"},
      {R"({"kind":"Guest","metadata":{"name":"a\nb"}})", "/resources/0/metadata/name:"},
      {R"({"kind":"Gu est","metadata":{"name":"a"}})", "/resources/0/kind:"},
      {R"({"kind":7,"metadata":{"name":"a"}})", "/resources/0/kind:"},
      {envelope_with(""), "/resources/0/kind: found HostDesiredState"},
  };
  for (const auto& [text, expected] : table) {
    CAPTURE(text, expected);
    CHECK(problem_of(envelope_with(text)).find("hub.json: document 1: " + expected) == 0);
  }
}

TEST_CASE("desired state: the same resource twice refuses the whole", "[schema][envelope]") {
  const auto twice = std::string{"found a second Guest/acme, expected each once"};
  CHECK(problem_of(envelope_with(guest_with("") + "," + guest_with("\"cpus\":2"))).find(twice) !=
        std::string::npos);
  CHECK(problem_of(envelope_with(guest_with("\"cpus\":0") + "," + guest_with(""))).find(twice) !=
        std::string::npos);
  auto other = host_config_with("");
  other.replace(other.find("\"host\""), 6, "\"two\"");
  CHECK(problem_of(envelope_with(host_config_with("") + "," + other)).find("a second HostConfig") !=
        std::string::npos);
}

TEST_CASE("desired state: two versions of one image may be wanted at once", "[schema][envelope]") {
  const auto both = image_with(image_disk(), "", "2") + "," + image_with(image_disk(), "", "1");
  const auto state = parse_desired_state(envelope_with(both), "hub.json");
  REQUIRE(state);
  REQUIRE(state->images.size() == 2);
  CHECK(state->images[0].version == "1");
  CHECK(problem_of(envelope_with(both + "," + image_with(image_disk(), "", "1")))
            .find("a second Image/tiny@1") != std::string::npos);
}

TEST_CASE("desired state: a bad envelope changes nothing", "[schema][envelope]") {
  const auto with = [](const std::string& from, const std::string& to) {
    auto text = envelope_with(guest_with(""));
    text.replace(text.find(from), from.size(), to);
    return problem_of(text);
  };
  CHECK(with("\"generation\":7", "\"generation\":0").find("/generation: found 0") !=
        std::string::npos);
  CHECK(with("\"generation\":7", "\"generation\":-7") != "accepted");
  CHECK(with("\"generation\":7", "\"generation\":7.0") != "accepted");
  CHECK(with("\"generation\":7", "\"generation\":9007199254740992") != "accepted");
  CHECK(with("\"generation\":7,", "").find("field generation is missing") != std::string::npos);
  CHECK(with("\"hostId\":\"9f", "\"hostId\":\"9F").find("/hostId: found \"9F86") !=
        std::string::npos);
  CHECK(with("19:36:00Z", "25:36:00Z").find("/issuedAt: found") != std::string::npos);
  CHECK(with("\"generation\"", "\"generatoin\"").find("expected generation") != std::string::npos);
  CHECK(problem_of("{}") != "accepted");
  CHECK(problem_of("null") != "accepted");
  CHECK(problem_of("") != "accepted");
  CHECK(problem_of("[]") != "accepted");
  CHECK(problem_of(guest_with("")).find("expected HostDesiredState") != std::string::npos);
  const auto whole = envelope_with(guest_with(""));
  for (std::size_t length = 0; length < whole.size(); ++length)
    REQUIRE_FALSE(parse_desired_state(whole.substr(0, length), "half.json"));
}

TEST_CASE("desired state: at most 10000 resources", "[schema][envelope][limits]") {
  std::string many = resource("Pod", "p");
  for (int i = 0; i < 10'000; ++i) many += "," + resource("Pod", "p" + std::to_string(i));
  CHECK(problem_of(envelope_with(many)).find("found 10001 resources, expected at most 10000") !=
        std::string::npos);
}

TEST_CASE("canonical state: reads back as the same with what was rejected", "[schema][envelope]") {
  const auto state =
      parse_desired_state(
          envelope_with(bad_guest + "," + guest_with("", "a") + "," + resource("Pod", "x") + "," +
                        image_with(image_disk()) + "," + host_config_with(R"("workers":2)")),
          "hub.json")
          .value();
  const auto canonical = to_canonical_json(state);
  CHECK(canonical.find('\n') == std::string::npos);
  CHECK(parse_stored_state(canonical).value() == state);
  CHECK(parse_desired_state(to_yaml(state), "again.yaml").value() == state);
  CHECK(to_canonical_json(parse_stored_state(canonical).value()) == canonical);
}

TEST_CASE("canonical state: order and spelling do not matter but content does",
          "[schema][envelope]") {
  const auto canonical = [](const std::string& resources) {
    return to_canonical_json(parse_desired_state(envelope_with(resources), "hub.json").value());
  };
  const auto a = guest_with("", "a");
  const auto b = guest_with("", "b");
  CHECK(canonical(a + "," + b) == canonical(b + "," + guest_with("\"cpus\":1", "a")));
  CHECK(canonical(a) != canonical(b));
  CHECK(canonical(bad_guest) != canonical(guest_with("\"cpus\":-1", "bad")));
}

TEST_CASE("canonical state: a rejected resource from a loose file survives the store at any depth",
          "[schema][envelope]") {
  const std::string deep = std::string(31, '[') + std::string(31, ']');
  const auto text = R"({"kind":"Pod","metadata":{"name":"x"},"spec":)" + deep + "}";
  auto resources = parse_resources(text, "pod.json");
  REQUIRE(resources);
  const auto state = with_envelope(std::move(resources).value(), std::string(32, 'a'), 1, Time{});
  const auto again = parse_stored_state(to_canonical_json(state));
  REQUIRE(again);
  CHECK(*again == state);
}

TEST_CASE("loose resources: one per document with its number", "[schema][files]") {
  const auto text = "# comment\n---\n" + guest_with("", "a") + "\n---\n---\n" + bad_guest + "\n";
  const auto resources = parse_resources(text, "acme.yaml");
  REQUIRE(resources);
  CHECK(resources->guests.size() == 1);
  REQUIRE(resources->rejected.size() == 1);
  CHECK(resources->rejected[0].document == 3);
  CHECK(resources->rejected[0].error.message().starts_with(
      "acme.yaml: document 3: /spec/cpus: found 0"));
}

TEST_CASE("loose resources: a file that holds none is an error and not an empty wish",
          "[schema][files]") {
  for (const auto* const text : {"", "\n", "---\n", "# all gone\n", "---\n---\n", "null\n"}) {
    CAPTURE(text);
    const auto resources = parse_resources(text, "acme.yaml");
    REQUIRE_FALSE(resources);
    CHECK(resources.error().message().find("found no resource") != std::string::npos);
  }
}

TEST_CASE("parse_file: tells an envelope from loose resources", "[schema][files]") {
  CHECK(std::holds_alternative<HostDesiredState>(
      parse_file(envelope_with(guest_with("")), "a.json").value()));
  CHECK(std::holds_alternative<Resources>(parse_file(guest_with(""), "a.json").value()));
  CHECK_FALSE(parse_file(envelope_with("") + "\n---\n" + guest_with(""), "a.yaml"));
}

TEST_CASE("merge: files together are one set and a twin in two files is refused",
          "[schema][files]") {
  const auto part = [](const std::string& text) { return parse_resources(text, "x.json").value(); };
  const auto all = merge({part(guest_with("", "b")), part(bad_guest), part(guest_with("", "a")),
                          part(host_config_with("")), part(image_with(image_disk()))});
  REQUIRE(all);
  REQUIRE(all->guests.size() == 2);
  CHECK(all->guests[0].name == "a");
  CHECK(all->rejected.size() == 1);
  CHECK(all->host_config.has_value());
  CHECK_FALSE(merge({part(guest_with("")), part(guest_with("\"cpus\":2"))}));
  CHECK_FALSE(merge({part(guest_with("", "bad")), part(bad_guest)}));
  CHECK_FALSE(merge({part(host_config_with("")), part(host_config_with(""))}));
  CHECK_FALSE(merge({part(image_with(image_disk())), part(image_with(""))}));
}

}  // namespace holdfast
