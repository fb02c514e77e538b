// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"

namespace holdfast::libvirt {

// Runs calls on threads of its own and waits for each no longer than its deadline.
// libvirt has no deadlines: keepalives end a call when the daemon is dead, but not when
// one QEMU's monitor is. A call that misses its deadline goes on alone, so what it uses
// it must own; its thread serves others once it comes back. Thread-safe.
class BoundedCalls {
 public:
  // Of a call that is late. gave_up() is called by its caller, came_back() on the thread on
  // which it ended after all, always in this order; or, where it ended at the very moment it
  // was given up, both by its caller.
  struct Late {
    std::function<void()> gave_up;
    std::function<void()> came_back;
  };

  BoundedCalls() : pool_{std::make_shared<Pool>()} {}
  ~BoundedCalls();
  BoundedCalls(const BoundedCalls&) = delete;
  BoundedCalls& operator=(const BoundedCalls&) = delete;

  // `call` returns a Result. Errc::unavailable when it does not end in time, or when too
  // many calls hang already. What it throws is thrown here.
  template <class F>
  std::invoke_result_t<F> run(Duration deadline, F call, const Late& late) {
    using Answer = std::invoke_result_t<F>;
    struct Running {
      std::packaged_task<Answer()> task;
      std::atomic<bool> is_settled{false};  // by its end, or by its caller who gives it up
    };
    auto running = std::make_shared<Running>();
    running->task = std::packaged_task<Answer()>{std::move(call)};
    std::future<Answer> answer = running->task.get_future();
    const bool is_submitted = submit([running, came_back = late.came_back] {
      running->task();
      if (running->is_settled.exchange(true)) came_back();
    });
    if (!is_submitted) {
      return Error{Errc::unavailable, "libvirt: too many calls wait for an answer"};
    }
    if (answer.wait_for(deadline) == std::future_status::ready) return answer.get();
    late.gave_up();
    if (!running->is_settled.exchange(true)) {
      return Error{Errc::unavailable, "libvirt: no answer within " + to_short_string(deadline)};
    }
    late.came_back();
    return answer.get();
  }

 private:
  struct Work {
    std::deque<std::function<void()>> waiting{};
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool stopping = false;
  };
  using Pool = Guarded<Work>;

  bool submit(std::function<void()> task);
  static std::function<void()> next(Pool& pool);
  static void serve(const std::shared_ptr<Pool>& pool);

  std::shared_ptr<Pool> pool_;
};

}  // namespace holdfast::libvirt
