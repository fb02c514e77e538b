// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/bounded_calls.hpp"

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

#include "drivers/libvirt/event_loop.hpp"

namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_threads = 64;
constexpr auto idle_time = 30s;
constexpr auto farewell = 2s;  // for calls that are about to end when we are destroyed

}  // namespace

BoundedCalls::~BoundedCalls() {
  auto work = pool_->lock();
  work->stopping = true;
  pool_->notify_all();
  work.wait_until(std::stop_token{}, std::chrono::steady_clock::now() + farewell,
                  [&] { return work->threads == 0; });
}

bool BoundedCalls::submit(std::function<void()> task) {
  {
    auto work = pool_->lock();
    if (work->idle <= work->waiting.size()) {
      if (work->threads >= max_threads) return false;
      // Detached: a thread that hangs in libvirt must not hold up our end.
      std::thread{[pool = pool_] { serve(pool); }}.detach();
      ++work->threads;
      ++work->idle;
    }
    work->waiting.push_back(std::move(task));
  }
  // The destructor alone waits for anything else, and by then nobody submits.
  pool_->notify_one();
  return true;
}

// The next task for a thread that has nothing to do; empty: end the thread.
std::function<void()> BoundedCalls::next(Pool& pool) {
  auto work = pool.lock();
  work.wait_until(std::stop_token{}, std::chrono::steady_clock::now() + idle_time,
                  [&] { return work->stopping || !work->waiting.empty(); });
  --work->idle;
  if (work->waiting.empty()) {
    --work->threads;
    pool.notify_all();
    return {};
  }
  std::function<void()> task = std::move(work->waiting.front());
  work->waiting.pop_front();
  return task;
}

void BoundedCalls::serve(const std::shared_ptr<Pool>& pool) {
  block_broken_pipe_signal();
  while (auto task = next(*pool)) {
    task();
    task = nullptr;  // what it owned is released before the thread counts as idle
    ++pool->lock()->idle;
  }
}

}  // namespace holdfast::libvirt
