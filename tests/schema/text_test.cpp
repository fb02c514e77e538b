// SPDX-License-Identifier: Apache-2.0
// From text to a tree: syntax, caps, and what YAML may not do here.
#include <string>
#include <utility>
#include <vector>

#include "schema/desired_state.hpp"
#include "schema/limits.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {
namespace {

std::string problem_of(const std::string& text, const std::string& name = "x.yaml") {
  const auto resources = parse_resources(text, name);
  return resources ? "accepted" : resources.error().message();
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// The user data of a guest whose bootstrap.userData is this YAML, as stored.
std::string user_data(const std::string& yaml) {
  const auto guest = parse_guest(
      "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: a}\nspec:\n"
      "  image: {name: a, version: b}\n  memory: 1Gi\n  rootDisk: {size: 1Gi}\n"
      "  bootstrap:\n    userData:\n      v: " +
          yaml + "\n",
      "a.yaml");
  return guest ? guest->spec.bootstrap.user_data : guest.error().message();
}

}  // namespace

TEST_CASE("yaml: plain scalars follow the core schema of YAML 1.2", "[schema][yaml]") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"true", "true"},
      {"True", "true"},
      {"FALSE", "false"},
      {"yes", "\"yes\""},
      {"no", "\"no\""},
      {"on", "\"on\""},
      {"y", "\"y\""},
      {"null", "null"},
      {"~", "null"},
      {"", "null"},
      {"7", "7"},
      {"-7", "-7"},
      {"+7", "7"},
      {"010", "10"},
      {"0x1F", "31"},
      {"0o17", "15"},
      {"1.5", "1.5"},
      {"1e3", "1000.0"},
      {".5", "0.5"},
      {"1.", "1.0"},
      {"\"7\"", "\"7\""},
      {"'true'", "\"true\""},
      {"2Gi", "\"2Gi\""},
      {"1.2.3", "\"1.2.3\""},
      {"12:30", "\"12:30\""},
      {"1_000", "\"1_000\""},
      {"0x", "\"0x\""},
      {"e5", "\"e5\""},
      {"2026-11-22", "\"2026-11-22\""},
      {"18446744073709551615", "18446744073709551615"}};
  for (const auto& [yaml, json] : table) {
    CAPTURE(yaml);
    CHECK(user_data(yaml) == "#cloud-config\n{\"v\":" + json + "}");
  }
}

TEST_CASE("yaml: numbers that JSON cannot hold are refused", "[schema][yaml]") {
  for (const auto* const yaml :
       {".nan", ".inf", "-.INF", "18446744073709551616", "1e999", "-9223372036854775809"}) {
    CAPTURE(yaml);
    CHECK(user_data(yaml).find("expected a number of at most 64 bits") != std::string::npos);
  }
}

TEST_CASE("yaml: anchors and aliases and tags are refused", "[schema][yaml]") {
  CHECK(problem_of("a: &x 1\n").find("found an anchor") != std::string::npos);
  CHECK(problem_of("a: &x {}\n").find("found an anchor") != std::string::npos);
  CHECK(problem_of("a: &x [1]\nb: *x\n").find("found an anchor") != std::string::npos);
  CHECK(problem_of("a: *x\n") != "accepted");
  CHECK(problem_of("a: !!str 1\n").find("found the tag") != std::string::npos);
  CHECK(problem_of("a: !evil {b: 1}\n").find("found the tag !evil") != std::string::npos);
  CHECK(problem_of("? [a]\n: 1\n").find("as a key, expected text") != std::string::npos);
  CHECK(problem_of("1: a\n").find("found 1 as a key") != std::string::npos);
  CHECK(problem_of("~: a\n").find("found null as a key") != std::string::npos);
}

TEST_CASE("duplicate keys: refused in YAML and JSON with document and pointer",
          "[schema][yaml][json]") {
  CHECK(problem_of("a: 1\n---\nb:\n  c: 1\n  c: 2\n", "x.yaml") ==
        "x.yaml: document 2: line 5: /b/c: found this key twice, expected each key once");
  CHECK(problem_of(R"({"a":{"b":1,"b":1}})", "x.json") ==
        "x.json: /a/b: found this key twice, expected each key once");
}

TEST_CASE("syntax: errors name the line", "[schema][yaml][json]") {
  CHECK(problem_of("a: [1\nb: 2\n").starts_with("x.yaml: line "));
  CHECK(problem_of("{\n\"a\": }\n", "x.json").starts_with("x.json: line 2: not JSON"));
  CHECK(problem_of("{\"a\": 1} trailing", "x.json").starts_with("x.json: line 1: not JSON"));
}

TEST_CASE("syntax: text after a finished YAML document is not a second one", "[schema][yaml]") {
  for (const auto* const text : {"{a: 1}\nb: 2\n", "[1]\n[2]\n", "\"a\"\nb: 1\n"}) {
    CAPTURE(text);
    CHECK(problem_of(text) != "accepted");
    CHECK(problem_of(text).find("x.yaml: ") == 0);
  }
}

TEST_CASE("text: control characters and broken UTF-8 are refused wherever they hide",
          "[schema][yaml][json]") {
  using namespace std::string_literals;
  // 0x04 is yaml-cpp's own end mark: everything after it would be silently lost.
  for (const auto& text : {"a: 1\n\x04---\nb: 2\n"s, "a: \0x\n"s, "a: \xff\n"s,
                           "a: \xed\xa0\x80\n"s, "a: \xc0\xaf\n"s, "a: \x7f\n"s, "a: \x1b[31m\n"s,
                           "\xff\xfe"
                           "a\0"s}) {
    CHECK(problem_of(text).find("expected plain text in UTF-8") != std::string::npos);
  }
  CHECK(problem_of(R"({"a":"\u0000"})", "x.json").find("/a: found a control character") !=
        std::string::npos);
  CHECK(problem_of("a: \"\\x01\"\n").find("/a: found a control character") != std::string::npos);
}

TEST_CASE("caps: nesting is refused at 33 levels in both syntaxes", "[schema][limits]") {
  const auto nested = [](std::size_t levels) { return repeat("[", levels) + repeat("]", levels); };
  const auto deep = std::string{"nesting deeper than 32 levels"};
  CHECK(problem_of("a: " + nested(31)).find(deep) == std::string::npos);
  CHECK(problem_of("a: " + nested(32)).find(deep) != std::string::npos);
  CHECK(problem_of(nested(32), "x.json").find(deep) == std::string::npos);
  CHECK(problem_of(nested(33), "x.json").find(deep) != std::string::npos);
  CHECK(problem_of(repeat("[", 2'000'000), "x.json").find(deep) != std::string::npos);
  CHECK(problem_of(repeat("- ", 100'000)).find(deep) != std::string::npos);
}

TEST_CASE("caps: bytes and values and strings are bounded", "[schema][limits]") {
  CHECK(problem_of(std::string(limits::document_bytes + 1, ' '), "x.json") ==
        "x.json: found 8388609 bytes, expected at most 8388608");
  CHECK(problem_of(std::string(limits::yaml_bytes + 1, ' ')).find("bytes of YAML") !=
        std::string::npos);
  CHECK(problem_of("[" + repeat("1,", 1'000'001) + "1]", "x.json")
            .find("expected at most 1000000 values") != std::string::npos);
  CHECK(problem_of("{\"a\":\"" + std::string(600'000, 'x') + "\"}", "x.json")
            .find("/a: found 600000 bytes of text") != std::string::npos);
  CHECK(problem_of(repeat("---\n", 10'001)).find("more than 10000 documents") != std::string::npos);
}

TEST_CASE("syntax: the name or the first character tells JSON from YAML", "[schema][json]") {
  const auto guest = guest_with("");
  CHECK(problem_of(guest, "x.json") == "accepted");
  CHECK(problem_of(guest, "x.yaml") == "accepted");
  CHECK(problem_of(guest, "stdin") == "accepted");
  const auto* const flow =
      "{apiVersion: holdfast/v1, kind: HostConfig, metadata: {name: host}, spec: {}}";
  CHECK(problem_of(flow, "x.yaml") == "accepted");
  CHECK(problem_of(flow, "x.json").find("not JSON") != std::string::npos);
}

}  // namespace holdfast
