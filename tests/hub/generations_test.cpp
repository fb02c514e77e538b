// SPDX-License-Identifier: Apache-2.0
#include "hub/generations.hpp"

#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

const std::string host_id(32, '7');

std::string guest(const std::string& name, const std::string& memory = "1Gi") {
  return "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: " + name +
         "}\nspec:\n  provider: libvirt\n  image: {name: tiny, version: 1.0.0}\n  cpus: 1\n"
         "  memory: " +
         memory + "\n  rootDisk: {size: 1Gi, target: local}\n";
}

HostDesiredState state_of(const std::string& text) {
  return must(edited(with_envelope({}, host_id, 0, Time{}), {text, false}));
}

TEST_CASE("generations: an edit lays its resources over those that were there", "[hub]") {
  const auto before = state_of(guest("a") + "---\n" + guest("b"));
  const auto after = must(edited(before, {guest("b", "2Gi") + "---\n" + guest("c"), false}));
  REQUIRE(after.guests.size() == 3);
  const auto diff = changes(before, after);
  REQUIRE(diff.size() == 2);
  CHECK(diff[0].name == "b");
  CHECK(diff[0].change == "changed");
  REQUIRE(diff[0].fields.size() == 1);
  CHECK(diff[0].fields[0] == FieldChange{"/spec/memory", "\"1Gi\"", "\"2Gi\""});
  CHECK(diff[1].name == "c");
  CHECK(diff[1].change == "added");
}

TEST_CASE("generations: pruning, or a whole envelope, drops what is not named", "[hub]") {
  const auto before = state_of(guest("a") + "---\n" + guest("b"));
  const auto pruned = must(edited(before, {guest("b"), true}));
  CHECK(pruned.guests.size() == 1);
  const auto whole = must(edited(before, {to_canonical_json(state_of(guest("a"))), false}));
  REQUIRE(whole.guests.size() == 1);
  CHECK(whole.guests[0].name == "a");
  const auto diff = changes(before, whole);
  REQUIRE(diff.size() == 1);
  CHECK(diff[0].change == "removed");
}

TEST_CASE("generations: bad resources are refused in the parser's words", "[hub]") {
  const auto before = state_of(guest("a"));
  const auto refused = edited(before, {guest("b", "2Gb"), false});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::invalid);
  CHECK(refused.error().message().find("/spec/memory: found \"2Gb\"") != std::string::npos);
  CHECK_FALSE(edited(before, {"", true}));
  auto other = state_of(guest("a"));
  other.host_id = std::string(32, '8');
  const auto wrong = edited(before, {to_canonical_json(other), false});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message().find("/hostId") != std::string::npos);
}

TEST_CASE("generations: a number is above the hub's own and what the host holds", "[hub]") {
  CHECK(must(next_generation(0, 0)) == 1);
  CHECK(must(next_generation(7, 3)) == 8);
  CHECK(must(next_generation(7, 41)) == 42);
  const auto full = next_generation(7, ~std::uint64_t{0});
  REQUIRE_FALSE(full);
  CHECK(full.error().code() == Errc::conflict);
}

TEST_CASE("generations: a diff does not show bootstrap data", "[hub]") {
  const auto with = [](const std::string& secret) {
    return state_of(guest("a") + "  bootstrap: {userData: \"password: " + secret + "\"}\n");
  };
  const auto diff = changes(with("hunter2"), with("hunter3"));
  REQUIRE(diff.size() == 1);
  REQUIRE(diff[0].fields.size() == 1);
  CHECK(diff[0].fields[0].from.find("hunter") == std::string::npos);
  CHECK(diff[0].fields[0].from != diff[0].fields[0].to);
}

}  // namespace
}  // namespace holdfast::hub
