// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/server.hpp"

namespace holdfast::http {

struct ServerOptions : ServerLimits {
  std::string path{};            // of the socket; its folder must exist
  mode_t mode = 0660;            // of the socket
  std::optional<gid_t> group{};  // owner group of the socket; unchanged when absent
};

// HTTP/1.1 on a Unix socket. Requests that are malformed, too large or too slow get a 4xx
// answer and their connection is closed; the handler does not see them.
class UnixServer {
 public:
  // Serves once this returns. A socket file that a dead server left is replaced; when
  // somebody still answers on it, Errc::conflict. Errc::denied, not_found, invalid (path
  // longer than 107 bytes, or something there that is no socket) as they come.
  static Result<std::unique_ptr<UnixServer>> listen(const ServerOptions& options,
                                                    RequestHandler handler);

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
