// SPDX-License-Identifier: Apache-2.0
#include "api/admin_api.hpp"

#include <utility>

#include "api/access.hpp"
#include "api/routes.hpp"
#include "http/loopback_server.hpp"
#include "http/unix_server.hpp"

namespace holdfast::api {
namespace {

http::Response enter(const Access& access, const ControlPlane& control_plane,
                     const http::Request& request, const Logger& log) {
  if (!may_enter(access, request.peer)) {
    const std::string uid = request.peer ? std::to_string(request.peer->uid) : "unknown";
    log.warn("refused at the admin socket", {{"uid", uid}, {"path", request.path}});
    return answer(Error{Errc::denied, "user " + uid +
                                          " may not use the admin socket: be root, or a member of "
                                          "the group that agent.yaml names as socketGroup"});
  }
  auto response = answer(control_plane, request);
  if (request.method != "GET")
    log.debug("asked at the admin socket", {{"uid", request.peer->uid},
                                            {"method", request.method},
                                            {"path", request.path},
                                            {"status", response.status}});
  return response;
}

// Nothing else is anybody's business.
http::Response scrape(const ControlPlane& control_plane, const http::Request& request) {
  if (request.method == "GET" && request.path == "/metrics") return answer(control_plane, request);
  return answer(Error{Errc::not_found, "only GET /metrics is served here"});
}

}  // namespace

Result<std::unique_ptr<AdminApi>> AdminApi::serve(const Options& options,
                                                  ControlPlane control_plane, const Logger& log) {
  const Access access = TRY(access_for(options.group).context("admin socket"));
  http::ServerOptions server_options;
  server_options.path = options.socket;
  server_options.group = access.group;
  server_options.log = log;
  auto server = TRY(http::UnixServer::listen(server_options, [access, control_plane,
                                                              log](const http::Request& request) {
                      return enter(access, control_plane, request, log);
                    }).context("admin socket"));
  std::unique_ptr<http::LoopbackServer> scraped;
  if (!options.metrics.empty()) {
    http::ServerLimits limits;
    limits.max_connections = 8;
    limits.log = log;
    scraped = TRY(http::LoopbackServer::listen(options.metrics, limits,
                                               [control_plane](const http::Request& request) {
                                                 return scrape(control_plane, request);
                                               })
                      .context("metrics"));
  }
  return std::unique_ptr<AdminApi>{new AdminApi{std::move(server), std::move(scraped)}};
}

AdminApi::AdminApi(std::unique_ptr<http::UnixServer> server,
                   std::unique_ptr<http::LoopbackServer> scraped)
    : server_{std::move(server)}, scraped_{std::move(scraped)} {}
AdminApi::~AdminApi() = default;

}  // namespace holdfast::api
