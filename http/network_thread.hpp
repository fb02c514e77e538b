// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "base/unique_fd.hpp"
#include "http/session.hpp"

// Private to this folder.
namespace holdfast::http {

// One thread, and the connections that it serves.
class NetworkThread {
 public:
  NetworkThread(const ServerLimits& limits, AsyncRequestHandler handler, ServerTotals& totals)
      : context_{limits, std::move(handler), totals} {}
  NetworkThread(const NetworkThread&) = delete;
  NetworkThread& operator=(const NetworkThread&) = delete;
  ~NetworkThread() { join(); }

  boost::asio::io_context& io() { return context_.io; }
  void start();
  // Closes idle connections and tells the handlers of the others. Thread-safe.
  void stop();
  // After stop(): waits for answers that are owed.
  void join();
  // On this thread: serves the connection; refuses it, or drops it, when there are too many.
  void take(std::unique_ptr<Transport> transport, Origin origin);

 private:
  using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  SessionContext context_;
  Guard guard_{context_.io.get_executor()};
  std::thread thread_{};
};

// Accepts on a listening descriptor until it is closed; runs on `io`'s thread.
class AcceptLoop {
 public:
  // `take` owns the descriptor it is given.
  AcceptLoop(boost::asio::io_context& io, UniqueFd listening, std::function<void(int fd)> take);
  ~AcceptLoop() { close(); }
  AcceptLoop(const AcceptLoop&) = delete;
  AcceptLoop& operator=(const AcceptLoop&) = delete;
  void start();
  void close();

 private:
  UniqueFd fd_;
  boost::asio::posix::stream_descriptor listening_;
  boost::asio::steady_timer pause_;
  std::function<void(int fd)> take_;
  bool is_closed_ = false;
};

}  // namespace holdfast::http
