// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/server.hpp"

namespace holdfast::http {

struct HttpsServerOptions : ServerLimits {
  HttpsServerOptions() { max_connections = 20'000; }
  std::string address = "127.0.0.1:0";  // IPv4, or IPv6 in brackets; port 0: any that is free
  std::string certificate{};            // PEM file: the certificate, then those that sign it
  std::string key{};                    // PEM file
  std::size_t threads = 2;              // that do network and TLS work
};

// HTTP/1.1 over TLS 1.2 or newer. A connection belongs to one of the threads; one that waits
// costs no thread and less than 32 KiB. Bad requests are treated as by UnixServer.
class HttpsServer {
 public:
  // Serves once this returns. From then on the process ignores SIGPIPE. Errc::invalid: not an
  // address, or unusable files; conflict: the port is taken; denied, not_found, exhausted,
  // unavailable as they come.
  static Result<std::unique_ptr<HttpsServer>> listen(const HttpsServerOptions& options,
                                                     const AsyncRequestHandler& handler);

  // Closes idle connections, fires Request::stop, waits for answers that are owed and sends
  // them (giving each at most a second).
  ~HttpsServer();
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  std::uint16_t port() const;
  // Connections that are open now. Thread-safe.
  std::size_t connections() const;

 private:
  struct State;
  explicit HttpsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
