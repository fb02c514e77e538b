// SPDX-License-Identifier: Apache-2.0
#include "http/loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"
#include "http/handler_threads.hpp"
#include "http/network_thread.hpp"
#include "http/unix_transport.hpp"

namespace holdfast::http {
namespace {

struct Bound {
  UniqueFd fd{};
  int family = AF_INET;
  std::uint16_t port = 0;
};

Result<Bound> bind_to(const std::string& address) {
  const auto colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  std::uint16_t port = 0;
  const char* const last = address.data() + address.size();
  const bool has_port = colon != std::string::npos;
  const auto [end, failed] =
      std::from_chars(has_port ? address.data() + colon + 1 : last, last, port);
  if ((host != "127.0.0.1" && host != "[::1]") || failed != std::errc{} || end != last)
    return Error{Errc::invalid, "found \"" + address +
                                    "\", expected a loopback address and a port like "
                                    "127.0.0.1:9464"};
  Bound bound{.family = host == "127.0.0.1" ? AF_INET : AF_INET6};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const bool is_v4 = bound.family == AF_INET;
  auto* const name = is_v4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
  bound.fd = UniqueFd{::socket(bound.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int yes = 1;
  ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(bound.fd.get(), name, size) != 0 || ::listen(bound.fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(bound.fd.get(), name, &size) != 0) {
    const int error = errno;
    return Error{error == EADDRINUSE ? Errc::conflict : Errc::unavailable,
                 "listen on " + address + ": " + std::system_category().message(error)};
  }
  bound.port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
  return bound;
}

}  // namespace

// Members are in order of life.
struct LoopbackServer::State {
  State(Bound bound, const ServerLimits& limits, RequestHandler handler)
      : family{bound.family},
        port{bound.port},
        threads{limits.max_connections},
        network{limits, on_threads(threads, std::move(handler), limits.log), totals},
        accept{network.io(), std::move(bound.fd), [this](int fd) { take(fd); }} {}

  void take(int fd) {
    UnixTransport::Socket socket{network.io(), {family, IPPROTO_TCP}, fd};
    network.take(std::make_unique<UnixTransport>(std::move(socket)), {});
  }

  int family = AF_INET;
  std::uint16_t port = 0;
  ServerTotals totals{};
  HandlerThreads threads;
  NetworkThread network;
  AcceptLoop accept;
};

LoopbackServer::LoopbackServer(std::unique_ptr<State> state) : state_{std::move(state)} {}

Result<std::unique_ptr<LoopbackServer>> LoopbackServer::listen(const std::string& address,
                                                               const ServerLimits& limits,
                                                               RequestHandler handler) {
  auto state = std::make_unique<State>(TRY(bind_to(address)), limits, std::move(handler));
  state->accept.start();
  state->network.start();
  return std::unique_ptr<LoopbackServer>{new LoopbackServer{std::move(state)}};
}

LoopbackServer::~LoopbackServer() {
  boost::asio::post(state_->network.io(), [this] { state_->accept.close(); });
  state_->network.stop();
  state_->network.join();
}

std::uint16_t LoopbackServer::port() const { return state_->port; }

}  // namespace holdfast::http
