// SPDX-License-Identifier: Apache-2.0
#include "controller/acceptance.hpp"

#include "tests/catch.hpp"

namespace holdfast {
namespace {

using Kind = Acceptance::Kind;

const std::string host(32, 'a');

std::string guest_json(const std::string& name, const std::string& memory = "128Mi") {
  return R"({"apiVersion":"holdfast/v1","kind":"Guest","metadata":{"name":")" + name +
         R"("},"spec":{"image":{"name":"tiny","version":"1"},"memory":")" + memory +
         R"(","rootDisk":{"size":"64Mi"}}})";
}

HostDesiredState envelope(std::uint64_t generation, const std::vector<std::string>& resources,
                          const std::string& host_id = host) {
  std::string list;
  for (const std::string& resource : resources) list += (list.empty() ? "" : ",") + resource;
  const std::string text = R"({"apiVersion":"holdfast/v1","kind":"HostDesiredState","hostId":")" +
                           host_id + R"(","generation":)" + std::to_string(generation) +
                           R"(,"issuedAt":"2026-11-22T19:36:00Z","resources":[)" + list + "]}";
  auto parsed = parse_desired_state(text, "test");
  if (!parsed) FAIL(parsed.error().message());
  return std::move(parsed).value();
}

Fetched enveloped(std::uint64_t generation, const std::vector<std::string>& resources,
                  const std::string& host_id = host) {
  return {envelope(generation, resources, host_id), true};
}
Fetched loose(const std::vector<std::string>& resources) {
  Fetched fetched{envelope(1, resources), false};
  fetched.state.generation = 0;
  fetched.state.host_id.clear();
  return fetched;
}

Wanted accepted(const Fetched& fetched, const Wanted* held = nullptr) {
  auto answer = judge(fetched, held, {}, host);
  REQUIRE(answer.kind == Kind::accept);
  return std::move(answer.wanted);
}

}  // namespace

TEST_CASE("acceptance: generations only grow", "[acceptance]") {
  const Wanted held = accepted(enveloped(5, {guest_json("acme")}));
  CHECK(judge(enveloped(4, {guest_json("acme")}), &held, {}, host).reason ==
        "DesiredStateRolledBack");
  CHECK(judge(enveloped(5, {guest_json("acme")}), &held, {}, host).kind == Kind::unchanged);
  CHECK(judge(enveloped(5, {guest_json("acme", "256Mi")}), &held, {}, host).reason ==
        "DesiredStateForked");
  CHECK(judge(enveloped(6, {guest_json("acme", "256Mi")}), &held, {}, host).kind == Kind::accept);
}

TEST_CASE("acceptance: a hub cannot lock an honest one out with a huge generation",
          "[acceptance][safety]") {
  const auto from_hub = [](std::uint64_t generation) {
    auto fetched = enveloped(generation, {guest_json("acme")});
    fetched.origin = "hub x";
    return fetched;
  };
  CHECK(judge(from_hub(1'000'001), nullptr, {}, host).reason == "GenerationJump");
  const Wanted held = accepted(from_hub(1'000'000));
  CHECK(judge(from_hub(2'000'001), &held, {}, host).reason == "GenerationJump");
  CHECK(judge(from_hub(9'007'199'254'740'991), &held, {}, host).reason == "GenerationJump");
  CHECK(judge(from_hub(2'000'000), &held, {}, host).kind == Kind::accept);
  // A directory is the operator's own: a time stamp as generation is fine there.
  CHECK(judge(enveloped(1'790'000'000, {guest_json("acme")}), nullptr, {}, host).kind ==
        Kind::accept);
}

TEST_CASE("acceptance: moving a host to a hub begins a new order of generations", "[acceptance]") {
  const Wanted held = accepted(enveloped(500, {guest_json("acme"), guest_json("beta")}));
  auto first = enveloped(1, {guest_json("acme"), guest_json("beta")});
  first.origin = "hub x";
  const auto moved = judge(first, &held, {"acme", "beta"}, host);
  REQUIRE(moved.kind == Kind::accept);
  CHECK(moved.wanted.state.generation == 1);
  CHECK(judge(first, &moved.wanted, {}, host).kind == Kind::unchanged);
  const auto again = parse_wanted(to_json(moved.wanted));
  REQUIRE(again);
  CHECK(again->origin == "hub x");
  first.state.generation = 0;
  CHECK(judge(first, &*again, {}, host).reason == "DesiredStateRolledBack");
  // Dropping most guests is held, whoever says so.
  auto bare = enveloped(1, {guest_json("acme")});
  bare.origin = "hub x";
  CHECK(judge(enveloped(501, {}), &held, {"acme", "beta"}, host).kind == Kind::held);
  bare.state.guests.clear();
  CHECK(judge(bare, &held, {"acme", "beta"}, host).kind == Kind::held);
}

TEST_CASE("acceptance: a state for another host changes nothing", "[acceptance][safety]") {
  const auto answer =
      judge(enveloped(1, {guest_json("acme")}, std::string(32, 'b')), nullptr, {}, host);
  CHECK(answer.reason == "WrongHost");
  CHECK(answer.is_refusal());
}

TEST_CASE("acceptance: loose resources count their generations by content", "[acceptance]") {
  const Wanted first = accepted(loose({guest_json("acme")}));
  CHECK(first.state.generation == 1);
  CHECK(first.state.host_id == host);
  CHECK(judge(loose({guest_json("acme")}), &first, {}, host).kind == Kind::unchanged);
  const Wanted second = accepted(loose({guest_json("acme", "256Mi")}), &first);
  CHECK(second.state.generation == 2);
}

TEST_CASE("acceptance: a bad edit keeps the last good form also over a restart",
          "[acceptance][safety]") {
  const Wanted good = accepted(loose({guest_json("acme"), guest_json("beta")}));
  const Wanted bad = accepted(loose({guest_json("acme", "2Gb"), guest_json("beta")}), &good);
  REQUIRE(bad.find_guest("acme") != nullptr);
  CHECK(bad.find_guest("acme")->spec.memory == mebibytes(128));
  CHECK(bad.find_rejected("Guest", "acme") != nullptr);
  const Wanted again = parse_wanted(to_json(bad)).value();
  CHECK(again.find_guest("acme")->spec.memory == mebibytes(128));
  CHECK(again.digest == bad.digest);
  CHECK(again.guest_names() == std::vector<std::string>{"acme", "beta"});
  const Wanted worse = accepted(loose({guest_json("acme", "3Gb"), guest_json("beta")}), &again);
  CHECK(worse.find_guest("acme")->spec.memory == mebibytes(128));
}

TEST_CASE("acceptance: dropping more than half of the guests is held as a whole",
          "[acceptance][safety]") {
  const Wanted held = accepted(loose({guest_json("a"), guest_json("b"), guest_json("c")}));
  const std::vector<std::string> living{"a", "b", "c"};
  const auto two_gone = judge(loose({guest_json("a", "256Mi")}), &held, living, host);
  CHECK(two_gone.kind == Kind::held);
  CHECK(two_gone.reason == "MassChangeHeld");
  CHECK(two_gone.dropped == std::vector<std::string>{"b", "c"});
  CHECK(judge(loose({guest_json("a"), guest_json("b")}), &held, living, host).kind == Kind::accept);
}

TEST_CASE("acceptance: a rejected guest is not a dropped one", "[acceptance][safety]") {
  const Wanted held = accepted(loose({guest_json("a"), guest_json("b")}));
  const auto answer =
      judge(loose({guest_json("a", "x"), guest_json("b", "y")}), &held, {"a", "b"}, host);
  CHECK(answer.kind == Kind::accept);
  CHECK(answer.dropped.empty());
}

TEST_CASE("acceptance: a first state cannot drop what a lost journal had accepted",
          "[acceptance][safety]") {
  const auto answer = judge(loose({guest_json("new")}), nullptr, {"a", "b"}, host);
  CHECK(answer.kind == Kind::held);
}

TEST_CASE("acceptance: a guest dropped earlier does not count again", "[acceptance]") {
  const std::vector<std::string> living{"a", "b", "c"};
  const Wanted all = accepted(loose({guest_json("a"), guest_json("b"), guest_json("c")}));
  const auto one_gone = judge(loose({guest_json("a"), guest_json("b")}), &all, living, host);
  REQUIRE(one_gone.kind == Kind::accept);
  const auto edited =
      judge(loose({guest_json("a", "256Mi"), guest_json("b")}), &one_gone.wanted, living, host);
  CHECK(edited.kind == Kind::accept);
  CHECK(edited.dropped.empty());
}

TEST_CASE("acceptance: garbage in the journal's copy is an error and no crash", "[acceptance]") {
  for (const char* text : {"", "{}", "[]", "{\"received\":1,\"kept\":[]}",
                           "{\"received\":\"x\",\"kept\":[]}", "{\"received\":\"\",\"kept\":[3]}"})
    CHECK_FALSE(parse_wanted(text));
}

}  // namespace holdfast
