// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "api/control_plane.hpp"
#include "base/log.hpp"
#include "base/result.hpp"

namespace holdfast::http {
class UnixServer;
}

namespace holdfast::api {

// The daemon's admin socket. Serves once serve() returned, until it is destroyed; then it
// waits for the calls that run and removes the socket.
class AdminApi {
 public:
  struct Options {
    std::string socket{};  // path; its folder must exist
    std::string group{};   // may use it besides root and our own user; empty: nobody
  };

  // The socket has mode 0660 and belongs to the group. What `control_plane` refers to must
  // outlive the AdminApi and be thread-safe. Errors of http::UnixServer::listen();
  // Errc::not_found for an unknown group.
  static Result<std::unique_ptr<AdminApi>> serve(const Options& options, ControlPlane control_plane,
                                                 Logger log);
  ~AdminApi();
  AdminApi(const AdminApi&) = delete;
  AdminApi& operator=(const AdminApi&) = delete;

 private:
  explicit AdminApi(std::unique_ptr<http::UnixServer> server);
  std::unique_ptr<http::UnixServer> server_;
};

}  // namespace holdfast::api
