// SPDX-License-Identifier: Apache-2.0
#include "hubclient/heartbeat_loop.hpp"

#include "tests/catch.hpp"
#include "tests/hubclient/scripted_hub.hpp"

using namespace std::chrono_literals;

namespace holdfast {

TEST_CASE("heartbeat loop: the sequence grows, also past failures, and starts anew when refused",
          "[hubclient][loops]") {
  ManualTime time;
  CountingRandom random;
  ScriptedHub hub;
  HubBoard board{time};
  HeartbeatLoop loop{{.channel = hub,
                      .board = board,
                      .clock = time,
                      .random = random,
                      .facts = [] { return BeatFacts{.pass_age = 3s, .generation = 41}; },
                      .interval = [] { return Duration{10s}; }}};
  hub.beat_scripts = {[&](const Heartbeat&) { return HeartbeatResponse{time.now()}; },
                      [](const Heartbeat&) {
                        return Error{Errc::unavailable, "away"};
                      },
                      [](const Heartbeat&) {
                        return Error{Errc::conflict, "seen"};
                      }};
  for (int i = 0; i < 4; ++i) {
    const Duration pause = loop.once({});
    CHECK(pause >= 9s);
    CHECK(pause <= 11s);
  }
  REQUIRE(hub.beats.size() == 4);
  CHECK(hub.beats[0].pass_age == 3s);
  CHECK(hub.beats[0].generation == 41);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(hub.beats[i].session == hub.beats[0].session);
    CHECK(hub.beats[i].sequence == i + 1);
  }
  CHECK(hub.beats[3].session != hub.beats[0].session);
  CHECK(hub.beats[3].sequence == 1);
  CHECK(board.standing().beats == 1);
}

TEST_CASE("heartbeat loop: a process that was stopped is not stalled by that",
          "[hubclient][loops]") {
  ManualTime time;
  CountingRandom random;
  ScriptedHub hub;
  HubBoard board{time};
  const Duration began = time.elapsed();
  HeartbeatLoop loop{{.channel = hub,
                      .board = board,
                      .clock = time,
                      .random = random,
                      .facts =  // no pass finishes
                      [&] { return BeatFacts{.pass_age = time.elapsed() - began}; },
                      .interval = [] { return Duration{10s}; }}};
  Duration pause = loop.once({});
  for (int i = 0; i < 30; ++i) {
    time.advance(pause + 2s);  // some heartbeats take a while
    pause = loop.once({});
  }
  CHECK(hub.beats.back().pass_age > 300s);  // a wedged loop does not look alive
  time.advance(pause + 200s);
  time.advance(loop.once({}));
  CHECK(hub.beats.back().pass_age == 0s);
  loop.once({});
  CHECK(hub.beats.back().pass_age >= 9s);
  CHECK(hub.beats.back().pass_age <= 11s);
}

}  // namespace holdfast
