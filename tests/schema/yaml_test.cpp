// SPDX-License-Identifier: Apache-2.0
#include "schema/yaml.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "schema/guest.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

namespace holdfast {

TEST_CASE("json_to_yaml: reads the way people write it", "[schema][yaml]") {
  CHECK(json_to_yaml(R"({"a":1,"b":{"c":[1,{"d":"x","e":[]}],"f":{}},"g":"l1\nl2\n"})").value() ==
        "a: 1\n"
        "b:\n"
        "  c:\n"
        "    - 1\n"
        "    - d: x\n"
        "      e: []\n"
        "  f: {}\n"
        "g: |\n"
        "  l1\n"
        "  l2\n");
  CHECK(json_to_yaml("[]").value() == "[]\n");
  CHECK(json_to_yaml("[[1,2],[3]]").value() == "- - 1\n  - 2\n- - 3\n");
  CHECK_FALSE(json_to_yaml("{"));
}

TEST_CASE("indent_json: sorted and indented", "[schema][yaml]") {
  CHECK(indent_json(R"({"b":1,"a":[]})").value() == "{\n  \"a\": [],\n  \"b\": 1\n}\n");
  CHECK_FALSE(indent_json("{"));
}

TEST_CASE("yaml: awkward texts come back as they were", "[schema][yaml]") {
  using namespace std::string_literals;
  for (const auto& text : std::vector<std::string>{"",
                                                   "yes",
                                                   "No",
                                                   "null",
                                                   "~",
                                                   "true",
                                                   "1",
                                                   "1.0",
                                                   "1e3",
                                                   "0x1f",
                                                   ".inf",
                                                   "-",
                                                   "- a",
                                                   "a: b",
                                                   "a #b",
                                                   "#a",
                                                   "a ",
                                                   " a",
                                                   "a\n",
                                                   "a\nb",
                                                   "a\n\n",
                                                   "\na",
                                                   "\n",
                                                   " a\nb\n",
                                                   "a\n b",
                                                   "a \nb",
                                                   "\ta\n",
                                                   "a\tb\nc",
                                                   "a\r\nb",
                                                   "\"",
                                                   "'",
                                                   "a\\b",
                                                   "%a",
                                                   "@a",
                                                   "`a",
                                                   "!a",
                                                   "&a",
                                                   "*a",
                                                   "|",
                                                   ">",
                                                   "{a}",
                                                   "[a]",
                                                   "2026-11-22",
                                                   "12:30:45",
                                                   "\xc3\xa4",
                                                   "\xf0\x9f\x98\x80",
                                                   "\xe2\x80\xa8x",
                                                   "\xc2\x85y\nz",
                                                   "---",
                                                   "--- a\nb",
                                                   "...",
                                                   "a\n---\nb\n",
                                                   "a\n...\n",
                                                   "a\n\n\nb",
                                                   "a\n  \nb",
                                                   "99999999999999999999",
                                                   "? a",
                                                   "=",
                                                   "<<",
                                                   "#cloud-config\nusers:\n  - name: a\n",
                                                   "#!/bin/sh\nif true; then\n  echo\nfi\n"}) {
    const auto json = nlohmann::json(text).dump();
    const auto guest =
        parse_guest(guest_with("\"bootstrap\":{\"userData\":" + json + "}"), "a.json").value();
    CAPTURE(json, to_yaml(guest));
    const auto again = parse_guest(to_yaml(guest), "again.yaml");
    INFO((again ? "" : again.error().message()));
    REQUIRE(again);
    CHECK(again->spec.bootstrap.user_data == text);
  }
}

}  // namespace holdfast
