// SPDX-License-Identifier: Apache-2.0
#include "controller/work_queue.hpp"

#include <algorithm>
#include <chrono>

namespace holdfast {
namespace {

// How long events and resyncs are held back after a failure, at most: less than a resync,
// so that a host which became well again is converged within a few of them.
constexpr Duration longest_pause = std::chrono::seconds{30};

std::size_t index(Priority priority) { return static_cast<std::size_t>(priority); }

}  // namespace

void WorkQueue::drop_delay(State& state, const std::string& key) {
  const auto waiting = state.delayed.find(key);
  if (waiting == state.delayed.end()) return;
  state.by_due.erase({waiting->second.due, key});
  state.delayed.erase(waiting);
}

void WorkQueue::make_ready(State& state, const std::string& key, Priority priority) {
  drop_delay(state, key);
  const auto [entry, is_new] = state.dirty.try_emplace(key, priority);
  if (!is_new) {
    if (entry->second <= priority) return;  // already waiting, at least as urgently
    if (!state.working.contains(key)) std::erase(state.ready.at(index(entry->second)), key);
    entry->second = priority;
  }
  if (state.working.contains(key)) return;  // done() will queue it
  state.ready.at(index(priority)).push_back(key);
}

void WorkQueue::add_after(const std::string& key, Duration delay, Priority priority) {
  auto state = state_.lock();
  if (priority >= Priority::drift) {
    const auto failed = state->failures.find(key);
    if (failed != state->failures.end())
      delay = std::max(delay, failed->second.not_before - clock_.elapsed());
  }
  if (delay <= Duration{0}) {
    make_ready(*state, key, priority);
    state_.notify_one();
    return;
  }
  if (state->dirty.contains(key)) return;  // sooner already
  const Duration due = clock_.elapsed() + delay;
  Waiting wanted{due, priority};
  if (const auto known = state->delayed.find(key); known != state->delayed.end()) {
    wanted = {std::min(known->second.due, due), std::min(known->second.priority, priority)};
    drop_delay(*state, key);
  }
  state->delayed[key] = wanted;
  state->by_due.emplace(wanted.due, key);
  state_.notify_one();  // the taker may have to wake earlier than it planned
}

void WorkQueue::promote_due(State& state) const {
  const Duration now = clock_.elapsed();
  while (!state.by_due.empty() && state.by_due.begin()->first <= now) {
    const std::string key = state.by_due.begin()->second;
    make_ready(state, key, state.delayed.at(key).priority);
  }
}

std::optional<std::string> WorkQueue::pop(State& state) {
  for (auto& ready : state.ready) {
    if (ready.empty()) continue;
    std::string key = std::move(ready.front());
    ready.pop_front();
    state.dirty.erase(key);
    state.working.insert(key);
    return key;
  }
  return std::nullopt;
}

std::optional<std::string> WorkQueue::try_take() {
  auto state = state_.lock();
  promote_due(*state);
  return pop(*state);
}

std::optional<std::string> WorkQueue::take(const std::stop_token& stop) {
  using std::chrono::steady_clock;
  auto state = state_.lock();
  while (!stop.stop_requested()) {
    promote_due(*state);
    if (auto key = pop(*state)) return key;
    const auto is_ready = [&] {
      return std::any_of(state->ready.begin(), state->ready.end(),
                         [](const auto& ready) { return !ready.empty(); });
    };
    // An earlier delay added meanwhile wakes us through the predicate of a changed due time.
    const auto due = state->by_due.empty() ? Duration::max() : state->by_due.begin()->first;
    const auto changed = [&] {
      return is_ready() || (!state->by_due.empty() && state->by_due.begin()->first < due);
    };
    if (due == Duration::max()) {
      state.wait(stop, changed);
    } else {
      const Duration left = std::max(due - clock_.elapsed(), Duration{0});
      state.wait_until(stop, steady_clock::now() + left, changed);
    }
  }
  return std::nullopt;
}

void WorkQueue::done(const std::string& key) {
  auto state = state_.lock();
  state->working.erase(key);
  const auto again = state->dirty.find(key);
  if (again == state->dirty.end()) return;
  state->ready.at(index(again->second)).push_back(key);
  state_.notify_one();
}

void WorkQueue::retry(const std::string& key, Retry how) {
  Duration delay{};
  {
    auto state = state_.lock();
    State::Failures& failures = state->failures[key];
    delay = backoff(how, ++failures.count, random_.next());
    failures.not_before = clock_.elapsed() + std::min(delay, longest_pause);
  }
  if (how == Retry::when_changed || how == Retry::never) return;
  add_after(key, delay, Priority::drift);
}

void WorkQueue::forget(const std::string& key) { state_.lock()->failures.erase(key); }

void WorkQueue::forget_all() { state_.lock()->failures.clear(); }

std::optional<Duration> WorkQueue::next_due() {
  auto state = state_.lock();
  for (const auto& ready : state->ready)
    if (!ready.empty()) return Duration{0};
  if (state->by_due.empty()) return std::nullopt;
  return std::max(state->by_due.begin()->first - clock_.elapsed(), Duration{0});
}

std::size_t WorkQueue::depth() {
  auto state = state_.lock();
  return state->dirty.size() + state->delayed.size();
}

}  // namespace holdfast
