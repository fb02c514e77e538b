// SPDX-License-Identifier: Apache-2.0
#include "http/handler_threads.hpp"

#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>

namespace holdfast::http {
namespace {

Response answer_of(const RequestHandler& handler, const Request& request, const Logger& log) {
  std::string why = "not a standard exception";
  try {
    return handler(request);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {  // the thread's edge: nothing may get past it
  }
  log.error("request handler failed", {{"path", request.path}, {"error", why}});
  return {500, "text/plain; charset=utf-8", "internal error\n"};
}

}  // namespace

HandlerThreads::~HandlerThreads() {
  std::vector<std::thread> threads;
  {
    auto state = state_.lock();
    state->closing = true;
    threads = std::move(state->threads);
  }
  state_.notify_all();
  for (auto& thread : threads) thread.join();
}

void HandlerThreads::run(std::function<void()> job) {
  auto state = state_.lock();
  state->jobs.push_back(std::move(job));
  if (state->jobs.size() > state->idle && state->threads.size() < limit_) {
    try {
      state->threads.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The machine has no thread to give: the job waits for one of ours, if there is any.
      if (state->threads.empty()) throw;
    }
  }
  state_.notify_one();
}

void HandlerThreads::work() {
  while (auto job = take()) job();
}

std::function<void()> HandlerThreads::take() {
  auto state = state_.lock();
  ++state->idle;
  state.wait(std::stop_token{}, [&] { return !state->jobs.empty() || state->closing; });
  --state->idle;
  if (state->jobs.empty()) return {};
  auto job = std::move(state->jobs.front());
  state->jobs.pop_front();
  return job;
}

AsyncRequestHandler on_threads(HandlerThreads& threads, RequestHandler handler, Logger log) {
  return [&threads, handler = std::move(handler), log = std::move(log)](Request request,
                                                                        Responder responder) {
    const auto later = std::make_shared<Responder>(std::move(responder));
    threads.run([&handler, &log, later, request = std::move(request)] {
      later->answer(answer_of(handler, request, log));
    });
  };
}

}  // namespace holdfast::http
