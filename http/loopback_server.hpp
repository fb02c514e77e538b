// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/server.hpp"

namespace holdfast::http {

// HTTP/1.1 in the clear on a loopback address, for what any process of this machine may read:
// there is no telling who asks.
class LoopbackServer {
 public:
  // "127.0.0.1:9464" or "[::1]:9464", port 0 for any; other addresses are Errc::invalid. Serves
  // once this returns. Errc::conflict when the port is taken.
  static Result<std::unique_ptr<LoopbackServer>> listen(const std::string& address,
                                                        const ServerLimits& limits,
                                                        RequestHandler handler);
  // As UnixServer's.
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::uint16_t port() const;

 private:
  struct State;
  explicit LoopbackServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
