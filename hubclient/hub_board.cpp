// SPDX-License-Identifier: Apache-2.0
#include "hubclient/hub_board.hpp"

#include <algorithm>
#include <chrono>

using namespace std::chrono_literals;

namespace holdfast {
namespace {

// A restart of the hub is not worth a word; as long as the hub waits before it calls us dead.
constexpr Duration silence = 90s;
// Without a word for so long, what is in force may not be what is wanted any more.
constexpr Duration frozen_after = 24h;

}  // namespace

HubBoard::HubBoard(const Clock& clock) : clock_{clock} {
  state_.lock()->standing.started = clock.elapsed();
}

void HubBoard::answered(State& state, Time server_time) const {
  const Duration elapsed = clock_.elapsed();
  state.clock.saw(server_time, elapsed);
  state.standing.clock_problem = state.clock.problem().value_or("");
  state.standing.last_answered = elapsed;
  state.standing.skew = server_time - clock_.now();
}

void HubBoard::synced(Time server_time) {
  auto state = state_.lock();
  answered(*state, server_time);
  state->standing.last_sync = clock_.now();
  state->standing.error.clear();
  ++state->standing.syncs;
}

void HubBoard::sync_failed(const Error& error) {
  auto state = state_.lock();
  state->standing.error = error.message();
  ++state->standing.sync_failures;
}

void HubBoard::beaten(Time server_time) {
  auto state = state_.lock();
  answered(*state, server_time);
  state->standing.last_beat = clock_.now();
  ++state->standing.beats;
}

void HubBoard::beat_failed(const Error& error) {
  auto state = state_.lock();
  if (state->standing.error.empty()) state->standing.error = error.message();
  ++state->standing.beat_failures;
}

HubStanding HubBoard::standing() const { return state_.lock()->standing; }

HubJudgement judge_hub(const HubStanding& standing, const std::string& url,
                       const std::optional<Time>& last_contact, Time now, Duration elapsed) {
  HubJudgement judged;
  const Duration quiet = elapsed - standing.last_answered.value_or(standing.started);
  judged.is_answering = quiet < silence;
  judged.answering_message = url + " answers";
  if (!judged.is_answering)
    judged.answering_message = url + " does not answer; the last accepted state stays in force" +
                               (standing.error.empty() ? std::string{} : ": " + standing.error);

  judged.fresh_message = "the hub was heard within the last day";
  const auto last = std::max(standing.last_sync, last_contact);
  if (!standing.clock_problem.empty()) {
    judged.is_fresh = false;
    judged.fresh_message = url + ": " + standing.clock_problem;
  } else if (last ? now - *last >= frozen_after : elapsed - standing.started >= frozen_after) {
    judged.is_fresh = false;
    judged.fresh_message = "nothing valid was heard from " + url + " since " +
                           (last ? to_string(*last) : "this daemon began") +
                           "; what is in force may be out of date";
  }
  return judged;
}

}  // namespace holdfast
