// SPDX-License-Identifier: Apache-2.0
#include "hub/leases.hpp"

#include "tests/catch.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

constexpr LeaseLimits limits{30s, 90s, 180s, 11s};
constexpr Standing well{Liveness::alive, false};
constexpr Standing stalled{Liveness::alive, true};
constexpr Standing late{Liveness::late, false};
constexpr Standing dead{Liveness::dead, false};

using Signals = std::vector<Signal>;

struct Case {
  const char* name;
  Duration heard;
  Duration pass_age;
  Standing before;
  Duration now;
  Duration watched;
  Standing after;
  Signals signals;
};

TEST_CASE("leases: what is said of a host follows from when it was heard", "[hub][leases]") {
  const auto c = GENERATE(values<Case>({
      {"heard a moment ago", 100s, 3s, well, 101s, 0s, well, {}},
      {"just before late", 100s, 3s, well, 130s - 1ms, 0s, well, {}},
      {"late", 100s, 3s, well, 130s, 0s, late, {Signal::late}},
      {"late is said once", 100s, 3s, late, 131s, 0s, late, {}},
      {"just before dead", 100s, 3s, late, 190s - 1ms, 0s, late, {}},
      {"dead", 100s, 3s, late, 190s, 0s, dead, {Signal::dead}},
      {"dead is said once", 100s, 3s, dead, 9999s, 0s, dead, {}},
      {"dead without having been late", 100s, 3s, well, 200s, 0s, dead, {Signal::dead}},
      {"back from late", 150s, 3s, late, 150s, 0s, well, {Signal::recovered}},
      {"back from dead", 400s, 3s, dead, 401s, 0s, well, {Signal::recovered}},
      {"stalled", 100s, 181s, well, 101s, 0s, stalled, {Signal::stalled}},
      {"an old pass, not too old", 100s, 180s, well, 101s, 0s, well, {}},
      {"stalled is said once", 100s, 400s, stalled, 101s, 0s, stalled, {}},
      {"moves again", 100s, 2s, stalled, 101s, 0s, well, {Signal::recovered}},
      {"back from dead, but stalled",
       100s,
       400s,
       dead,
       101s,
       0s,
       stalled,
       {Signal::recovered, Signal::stalled}},
      {"between two heartbeats nobody stalls", 100s, 179s, well, 112s, 0s, well, {}},
      {"a heartbeat that would have told is lost",
       100s,
       179s,
       well,
       112s + 1ms,
       0s,
       stalled,
       {Signal::stalled}},
      {"told once when it is lost", 100s, 179s, stalled, 125s, 0s, stalled, {}},
      {"a stalled host that falls silent is late",
       100s,
       400s,
       stalled,
       130s,
       0s,
       {Liveness::late, true},
       {Signal::late}},
  }));
  INFO(c.name);
  const auto judged = judge({c.heard, c.pass_age, c.before}, c.now, c.watched, limits);
  CHECK(judged.standing == c.after);
  CHECK(judged.signals == c.signals);
}

TEST_CASE("leases: a hub that was away gives every host a whole period", "[hub][leases]") {
  const auto c = GENERATE(values<Case>({
      {"at once", 100s, 3s, well, 5000s, 5000s, well, {}},
      {"just before late", 100s, 3s, well, 5030s - 1ms, 5000s, well, {}},
      {"late after a period", 100s, 3s, well, 5030s, 5000s, late, {Signal::late}},
      {"dead after two more", 100s, 3s, late, 5090s, 5000s, dead, {Signal::dead}},
      {"a dead host is not said to be back", 100s, 3s, dead, 5001s, 5000s, dead, {}},
      {"nor a late one", 100s, 3s, late, 5001s, 5000s, late, {}},
      {"nor that it stalls", 100s, 999s, well, 5001s, 5000s, well, {}},
      {"until it is heard", 5002s, 3s, dead, 5002s, 5000s, well, {Signal::recovered}},
  }));
  INFO(c.name);
  const auto judged = judge({c.heard, c.pass_age, c.before}, c.now, c.watched, limits);
  CHECK(judged.standing == c.after);
  CHECK(judged.signals == c.signals);
}

TEST_CASE("leases: a host that beats every ten seconds is never late, also with losses",
          "[hub][leases]") {
  Lease lease{0s, 2s, well};
  for (Duration now{0}; now < 24h; now += 200ms) {
    const auto beat = now / 10s;
    // One of three heartbeats is lost.
    if (now % 10s == 0s && beat % 3 != 2) lease.heard = now;
    const auto judged = judge(lease, now, 0s, limits);
    REQUIRE(judged.signals.empty());
  }
}

TEST_CASE("leases: a gap between two looks is the hub's own absence", "[hub][leases]") {
  CHECK_FALSE(was_away(100s, 100s + 200ms, limits));
  CHECK_FALSE(was_away(100s, 105s, limits));
  CHECK(was_away(100s, 106s, limits));
  CHECK(was_away(100s, 102s, {.late = 3s, .dead = 6s, .stalled = 9s}));
}

}  // namespace
}  // namespace holdfast::hub
