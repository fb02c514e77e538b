// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/late_calls.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <stop_token>

namespace holdfast::libvirt {

using std::chrono::steady_clock;

LateCalls::LateCalls() : thread_{[this] { serve(); }} {}

LateCalls::~LateCalls() {
  state_.lock()->stopping = true;
  state_.notify_all();
  thread_.join();
}

LateCalls::Watch LateCalls::watch(int socket, Duration patience) {
  if (socket < 0) return Watch{*this, 0};
  auto state = state_.lock();
  const auto late = steady_clock::now() + patience;
  const std::uint64_t id = ++state->last_id;
  state->calls.emplace(id, Call{socket, late});
  // Where every call has the same patience this hardly ever wakes anybody: the thread still
  // sleeps towards the end of one that returned long ago.
  if (late < state->looks_up_at) state_.notify_all();
  return Watch{*this, id};
}

LateCalls::Watch::~Watch() { end(); }

// Those that were cut are gone from the list.
bool LateCalls::Watch::end() {
  if (id_ == 0) return false;
  return owner_.state_.lock()->calls.erase(std::exchange(id_, 0)) == 0;
}

// When the next one would be late.
LateCalls::TimePoint LateCalls::cut_late(State& state, TimePoint now) {
  auto next = TimePoint::max();
  for (auto call = state.calls.begin(); call != state.calls.end();) {
    if (call->second.late > now) {
      next = std::min(next, call->second.late);
      ++call;
      continue;
    }
    ::shutdown(call->second.socket, SHUT_RDWR);
    call = state.calls.erase(call);
  }
  return next;
}

void LateCalls::serve() {
  auto state = state_.lock();
  while (!state->stopping) {
    state->looks_up_at = cut_late(*state, steady_clock::now());
    const auto earlier = [&] {
      return state->stopping ||
             std::any_of(state->calls.begin(), state->calls.end(),
                         [&](const auto& call) { return call.second.late < state->looks_up_at; });
    };
    if (state->looks_up_at == TimePoint::max()) {
      state.wait(std::stop_token{}, earlier);
    } else {
      state.wait_until(std::stop_token{}, state->looks_up_at, earlier);
    }
  }
}

}  // namespace holdfast::libvirt
