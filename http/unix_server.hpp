// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::http {

struct ServerOptions {
  std::string path{};                        // of the socket; its folder must exist
  mode_t mode = 0660;                        // of the socket
  std::optional<gid_t> group{};              // owner group of the socket; unchanged when absent
  std::uint64_t max_body = 8 * 1024 * 1024;  // bytes; more is answered 413
  std::size_t max_connections = 64;          // one more is answered 503 and closed
  Duration idle_timeout{30'000};             // for the first byte of the next request
  Duration request_timeout{10'000};          // for the rest of it, and for taking our answer
  Logger log{};
};

// Called on one of the server's threads, several at a time: must be thread-safe. May take
// long; it holds up nobody else. An exception is answered 500 and logged.
using RequestHandler = std::function<Response(const Request&)>;

// HTTP/1.1 on a Unix socket. Requests that are malformed, too large or too slow get a 4xx
// answer and their connection is closed; the handler does not see them.
class UnixServer {
 public:
  // Serves once this returns. A socket file that a dead server left is replaced; when
  // somebody still answers on it, Errc::conflict. Errc::denied, not_found, invalid (path
  // longer than 107 bytes, or something there that is no socket) as they come.
  static Result<std::unique_ptr<UnixServer>> listen(ServerOptions options, RequestHandler handler);

  // Closes idle connections, fires Request::stop, waits for running handlers, sends their
  // answers (giving each at most a second) and removes the socket file.
  ~UnixServer();
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;

 private:
  struct State;
  explicit UnixServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
