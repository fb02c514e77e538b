// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "http/server.hpp"

namespace holdfast::http {

// Runs jobs at once, each on a thread of its own: an idle one, or a new one up to `limit`,
// above which jobs wait. Threads stay. Thread-safe.
class HandlerThreads {
 public:
  explicit HandlerThreads(std::size_t limit) : limit_{limit} {}
  // Runs what is queued, then joins.
  ~HandlerThreads();
  HandlerThreads(const HandlerThreads&) = delete;
  HandlerThreads& operator=(const HandlerThreads&) = delete;

  void run(std::function<void()> job);

 private:
  struct State {
    std::deque<std::function<void()>> jobs{};
    std::vector<std::thread> threads{};
    std::size_t idle = 0;
    bool closing = false;
  };
  void work();
  std::function<void()> take();  // empty when closing and nothing is left

  std::size_t limit_ = 1;
  Guarded<State> state_{};
};

// Runs `handler` on `threads`, which must outlive the server.
AsyncRequestHandler on_threads(HandlerThreads& threads, RequestHandler handler, Logger log);

}  // namespace holdfast::http
