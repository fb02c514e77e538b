// SPDX-License-Identifier: Apache-2.0
#include "hubclient/sync_core.hpp"

#include "base/sha256.hpp"
#include "hubclient/hub_board.hpp"
#include "hubclient/hub_clock.hpp"
#include "hubclient/pace.hpp"
#include "tests/catch.hpp"
#include "tests/controller/manual_time.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

const Time noon = parse_time("2026-11-22T12:00:00Z").value();
const std::string state_text = R"({"kind":"HostDesiredState"})";

std::shared_ptr<const Snapshot> snapshot(const std::string& phase) {
  StatusReport report{};
  report.guests.resize(1);
  report.guests[0].phase = phase;
  return std::make_shared<const Snapshot>(make_snapshot(std::move(report)));
}

SyncResponse quiet(const HubConfig& config = {}) {
  SyncResponse response{};
  response.server_time = noon;
  response.config = config;
  return response;
}

SyncResponse sending(const std::string& desired) {
  SyncResponse response = quiet();
  response.desired = desired;
  return response;
}

}  // namespace

TEST_CASE("sync core: a report goes when something changed and every five minutes",
          "[hubclient][sync]") {
  CountingRandom random;
  SyncCore core{random};
  SyncFacts facts{.snapshot = snapshot("Running")};
  CHECK(core.next(facts, 0s).report);
  core.answered(quiet(), 0s);
  CHECK_FALSE(core.next(facts, 1s).report);
  core.answered(quiet(), 1s);
  facts.snapshot = snapshot("Stopped");
  CHECK(core.next(facts, 2s).report->guests[0].phase == "Stopped");
  core.answered(quiet(), 2s);
  CHECK_FALSE(core.next(facts, 301s).report);
  core.answered(quiet(), 301s);
  CHECK(core.next(facts, 302s).report);
}

TEST_CASE("sync core: a report that may be lost is sent again", "[hubclient][sync]") {
  CountingRandom random;
  SyncCore core{random};
  const SyncFacts facts{.snapshot = snapshot("Running")};
  CHECK(core.next(facts, 0s).report);
  core.failed();
  CHECK(core.next(facts, 1s).report);
  core.lost_answer();
  CHECK(core.next(facts, 2s).report);
  core.answered(quiet(), 2s);
  CHECK_FALSE(core.next(facts, 3s).report);
}

TEST_CASE("sync core: times that pass by themselves are no change", "[hubclient][sync]") {
  StatusReport report{};
  report.guests.resize(1);
  report.guests[0].operation = OperationReport{};
  const auto before = make_snapshot(report).digest;
  report.host.last_pass = noon;
  report.host.last_pass_took = 3s;
  report.host.hub = HubReport{.last_sync = noon};
  report.guests[0].operation->updated = noon;
  report.guests[0].operation->progress = 0.5;
  CHECK(make_snapshot(report).digest == before);
  report.guests[0].operation->step = "restore";
  CHECK(make_snapshot(report).digest != before);
}

TEST_CASE("sync core: an answer that may be lost ends the session, so that it is sent again",
          "[hubclient][sync]") {
  CountingRandom random;
  SyncCore core{random};
  const auto first = core.next({}, 0s);
  core.answered(quiet(), 0s);
  const auto second = core.next({}, 0s);
  CHECK(second.session == first.session);
  CHECK(second.sequence == first.sequence + 1);
  core.lost_answer();
  const auto third = core.next({}, 0s);
  CHECK(third.session != first.session);
  core.failed();
  CHECK(core.next({}, 0s).session != third.session);
}

TEST_CASE("sync core: silence is agreement only when the hub was asked afresh",
          "[hubclient][sync]") {
  CountingRandom random;
  SyncCore core{random};
  SyncFacts facts{.have = Held{41, digest_of("x")}};
  const auto begun = core.next(facts, 0s);
  core.answered(sending(state_text), 0s);
  CHECK_FALSE(core.hub_agrees());
  facts.has_refused = true;
  CHECK(core.next(facts, 1s).session == begun.session);  // parked: a mended state comes at once
  CHECK(core.wait() == 25s);
  core.answered(quiet(), 26s);
  CHECK_FALSE(core.hub_agrees());  // it only said nothing twice
  const auto afresh = core.next(facts, 26s);
  CHECK(afresh.session != begun.session);
  CHECK(core.wait() == 0s);
  core.answered(sending(state_text), 26s);
  CHECK_FALSE(core.hub_agrees());
  core.next(facts, 27s);
  core.answered(quiet(), 52s);
  core.next(facts, 52s);
  core.answered(quiet(), 52s);
  CHECK(core.hub_agrees());
}

TEST_CASE("sync core: the hub's advice is clamped", "[hubclient][sync]") {
  CountingRandom random;
  SyncCore core{random};
  core.next({}, 0s);
  core.answered(quiet({0s, 0s, 0s, 24h}), 0s);
  CHECK(core.config() == HubConfig{1s, 1s, 10s, 10min});
  for (int i = 0; i < 40; ++i) CHECK(core.failed() <= 10min);
}

TEST_CASE("pace: backoff doubles up to its cap with full jitter", "[hubclient][pace]") {
  CountingRandom random;
  for (std::uint32_t failures = 1; failures < 100; ++failures) {
    const Duration limit = std::min<Duration>(1s * (1LL << std::min(failures - 1, 10U)), 60s);
    Duration low = 24h;
    Duration high = 0s;
    for (int i = 0; i < 300; ++i) {
      const Duration pause = backoff(failures, 60s, random.next());
      low = std::min(low, pause);
      high = std::max(high, pause);
    }
    CAPTURE(failures);
    CHECK(low >= 100ms);
    CHECK(high <= limit);
    CHECK(low < 100ms + limit / 10);  // the whole range is used
    CHECK(high > limit - limit / 10);
  }
  CHECK(backoff(1'000'000, 60s, ~0ULL) <= 60s);
}

TEST_CASE("pace: a burst is free and then turns are a second apart", "[hubclient][pace]") {
  Pacer pacer{3, 1s};
  Duration now = 1000s;
  for (int i = 0; i < 3; ++i) CHECK(pacer.take(now) == 0s);
  Duration waited = 0s;
  for (int i = 0; i < 20; ++i) {  // a peer that answers at once, for ever
    const Duration pause = pacer.take(now);
    waited += pause;
    now += pause;
  }
  CHECK(waited >= 19s);
  CHECK(waited <= 21s);
  now += 1h;
  for (int i = 0; i < 3; ++i) CHECK(pacer.take(now) == 0s);
  CHECK(pacer.take(now) > 0s);
}

TEST_CASE("hub clock: a clock that stands still or goes back is told, one that runs is not",
          "[hubclient][clock]") {
  HubClock runs;
  for (int i = 0; i < 500; ++i) runs.saw(noon + i * 25s, i * 25s);
  CHECK_FALSE(runs.problem());

  HubClock stands;
  for (int i = 0; i < 13; ++i) stands.saw(noon, i * 25s);
  REQUIRE(stands.problem());
  CHECK(stands.problem()->find("repeating") != std::string::npos);

  HubClock slow;  // a tenth of the speed of time
  for (int i = 0; i < 13; ++i) slow.saw(noon + i * 2500ms, i * 25s);
  CHECK(slow.problem());

  HubClock back;
  back.saw(noon, 0s);
  back.saw(noon - 30s, 1s);  // an honest correction
  CHECK_FALSE(back.problem());
  back.saw(noon - 2h, 2s);
  REQUIRE(back.problem());
  CHECK(back.problem()->find("went back") != std::string::npos);
}

TEST_CASE("hub clock: a hub whose clock was corrected is forgiven when it runs again",
          "[hubclient][clock]") {
  HubClock clock;
  clock.saw(noon + 24h * 365, 0s);
  clock.saw(noon, 10s);
  CHECK(clock.problem());
  for (int i = 1; i < 14; ++i) clock.saw(noon + i * 25s, 10s + i * 25s);
  CHECK_FALSE(clock.problem());
  clock.saw(noon + 24h, 400s);  // forward is no crime
  CHECK_FALSE(clock.problem());
  clock.saw(noon, 410s);
  CHECK(clock.problem());
  clock.saw(noon + 24h + 20s, 420s);  // nor is coming back
  CHECK_FALSE(clock.problem());
}

TEST_CASE("hub board: a short silence is nothing, a long one is said, a day is frozen",
          "[hubclient][board]") {
  ManualTime time;
  HubBoard board{time};
  const auto judge = [&](std::optional<Time> earlier = {}) {
    return judge_hub(board.standing(), "https://hub", earlier, time.now(), time.elapsed());
  };
  board.synced(time.now());
  time.advance(60s);
  board.sync_failed({Errc::unavailable, "refused"});
  CHECK(judge().is_answering);
  CHECK(judge().is_fresh);
  time.advance(60s);
  CHECK_FALSE(judge().is_answering);
  CHECK(judge().answering_message.find("refused") != std::string::npos);
  CHECK(judge().is_fresh);
  time.advance(24h);
  CHECK_FALSE(judge().is_fresh);
  board.synced(time.now());
  CHECK(judge().is_answering);
  CHECK(judge().is_fresh);
}

TEST_CASE("hub board: a reboot does not make a silent hub look fresh", "[hubclient][board]") {
  ManualTime time;
  HubBoard reborn{time};
  const auto earlier = time.now() - 25h;
  CHECK_FALSE(
      judge_hub(reborn.standing(), "https://hub", earlier, time.now(), time.elapsed()).is_fresh);
  CHECK(judge_hub(reborn.standing(), "https://hub", time.now() - 1h, time.now(), time.elapsed())
            .is_fresh);
  CHECK(judge_hub(reborn.standing(), "https://hub", {}, time.now(), time.elapsed()).is_fresh);
}

}  // namespace holdfast
