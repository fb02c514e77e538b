// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "http/message.hpp"

// What servers over Unix sockets and over TLS have in common.
namespace holdfast::http {

struct ServerLimits {
  std::uint64_t max_body = 8 * 1024 * 1024;  // bytes; more is answered 413
  std::size_t max_connections = 64;          // one more is answered 503 and closed
  Duration idle_timeout{30'000};             // for the first byte of the next request
  // For the rest of it, for a TLS handshake, and for taking an answer; a long answer has more
  // time, so that a client on a slow line gets it.
  Duration request_timeout{10'000};
  std::uint64_t answer_rate = 64 * 1024;  // bytes a second that a client must take at least
  // Of all requests that are being received; a request beyond is answered 503.
  std::uint64_t max_receiving = 256 * 1024 * 1024;
  // Told a request's head, before a body over `small_body` is read: how large it may be, at
  // most max_body. On a network thread. Empty: max_body for all.
  std::function<std::uint64_t(const Request& head)> body_limit{};
  std::uint64_t small_body = 16 * 1024;
  // Whether Request::stop tells that the client left, which takes a look at the connection for
  // each request. Otherwise only that the server stops.
  bool tells_hangups = true;
  Logger log{};
};

// Answers one request: once, now or later, from any thread. What is let go without an answer
// is answered 500. Until then it keeps the server alive, whose destructor waits for it.
class Responder {
 public:
  class Target;  // private to this folder
  explicit Responder(std::unique_ptr<Target> target);
  ~Responder();
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Only the first call counts. A client that has left meanwhile is no error.
  void answer(Response response);

 private:
  std::unique_ptr<Target> target_;
};

// Called on one of the server's threads, several at a time: must be thread-safe. May take
// long; it holds up nobody else. An exception is answered 500 and logged.
using RequestHandler = std::function<Response(const Request&)>;

// Called on a network thread: must be thread-safe, and must not block, since it holds up every
// other connection of that thread. An exception is answered 500 and logged.
using AsyncRequestHandler = std::function<void(Request, Responder)>;

}  // namespace holdfast::http
