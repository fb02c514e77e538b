// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "api/control_plane.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace holdfast::http {
class LoopbackServer;
class UnixServer;
}  // namespace holdfast::http

namespace holdfast::api {

// The daemon's admin socket, and what a Prometheus may read beside it. Serves once serve()
// returned, until it is destroyed; then it waits for the calls that run and removes the socket.
class AdminApi {
 public:
  struct Options {
    std::string socket{};   // path; its folder must exist
    std::string group{};    // may use it besides root and our own user; empty: nobody
    std::string metrics{};  // loopback address and port that serve /metrics to anybody; empty: none
  };

  // The socket has mode 0660 and belongs to the group. What `control_plane` refers to must
  // outlive the AdminApi and be thread-safe. Errors of http::UnixServer::listen();
  // Errc::not_found for an unknown group.
  static Result<std::unique_ptr<AdminApi>> serve(const Options& options, ControlPlane control_plane,
                                                 const Logger& log);
  ~AdminApi();
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

 private:
  AdminApi(std::unique_ptr<http::UnixServer> server, std::unique_ptr<http::LoopbackServer> scraped);
  std::unique_ptr<http::UnixServer> server_;
  std::unique_ptr<http::LoopbackServer> scraped_;  // null: none
};

}  // namespace holdfast::api
