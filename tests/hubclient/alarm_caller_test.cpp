// SPDX-License-Identifier: Apache-2.0
#include "hubclient/alarm_caller.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/hubclient/scripted_hub.hpp"

using namespace std::chrono_literals;

namespace holdfast {

namespace {

const std::string host(32, 'a');

// A watcher that takes what it is told, when it is there.
struct Watcher final : AlarmChannel {
  Result<void> post(const std::string& body, const std::stop_token&) override {
    ++tries;
    if (is_away) return Error{Errc::unavailable, "away"};
    notes.push_back(body);
    return ok();
  }
  bool is_away = false;
  int tries = 0;
  std::vector<std::string> notes{};
};

struct Watched {
  ManualTime time{};
  CountingRandom random{};
  Watcher watcher{};
  AlarmNote note{.host_id = host, .generation = 7, .digest = "sha256:d"};
  AlarmCaller caller{
      {.channel = watcher, .clock = time, .random = random, .note = [this]() -> Result<AlarmNote> {
         return note;
       }}};

  void let_pass(Duration whole) {
    const Duration end = time.elapsed() + whole;
    while (time.elapsed() < end)
      time.advance(std::min(std::max(caller.once({}), Duration{1ms}), end - time.elapsed()));
  }
};

const Condition forked{
    "DesiredStateAccepted", ConditionStatus::no, "DesiredStateForked", "m", {}, 7};

}  // namespace

TEST_CASE("alarm caller: the watcher hears once a minute what is in force", "[hubclient][alarm]") {
  Watched host_side;
  host_side.let_pass(10min);
  CHECK(host_side.watcher.notes.size() >= 10);
  CHECK(host_side.watcher.notes.size() <= 11);
  CHECK(host_side.watcher.notes[0].find(R"("generation":7)") != std::string::npos);
  CHECK(host_side.watcher.notes[0].find(R"("digest":"sha256:d")") != std::string::npos);
  CHECK(host_side.watcher.notes[0].find(R"("alarms":[])") != std::string::npos);
}

TEST_CASE("alarm caller: an alarm is told at once, and again when it ends", "[hubclient][alarm]") {
  Watched host_side;
  host_side.let_pass(10s);
  host_side.note.alarms = {forked};
  host_side.caller.once({});
  REQUIRE(host_side.watcher.notes.size() == 2);
  CHECK(host_side.watcher.notes[1].find("DesiredStateForked") != std::string::npos);
  host_side.caller.once({});
  CHECK(host_side.watcher.notes.size() == 2);
  host_side.note.alarms.clear();
  host_side.caller.once({});
  REQUIRE(host_side.watcher.notes.size() == 3);
  CHECK(host_side.watcher.notes[2].find(R"("alarms":[])") != std::string::npos);
}

TEST_CASE("alarm caller: it is told until it is taken, also when it is over by then",
          "[hubclient][alarm]") {
  Watched host_side;
  host_side.let_pass(10s);
  host_side.watcher.is_away = true;
  host_side.note.alarms = {forked};
  host_side.let_pass(5min);
  CHECK(host_side.watcher.tries > 8);
  CHECK(host_side.watcher.tries < 60);  // and it is not called to death
  host_side.note.alarms.clear();
  host_side.let_pass(5min);
  host_side.watcher.is_away = false;
  host_side.let_pass(2min);
  REQUIRE(host_side.watcher.notes.size() >= 3);
  CHECK(host_side.watcher.notes[1].find("DesiredStateForked") != std::string::npos);
  CHECK(host_side.watcher.notes[2].find(R"("alarms":[])") != std::string::npos);
}

}  // namespace holdfast
