// SPDX-License-Identifier: Apache-2.0
#include "http/unix_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "http/handler_threads.hpp"
#include "http/network_thread.hpp"
#include "http/unix_socket.hpp"
#include "http/unix_transport.hpp"

namespace holdfast::http {
namespace {

std::optional<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return Peer{credentials.uid, credentials.gid, credentials.pid};
}

}  // namespace

// Members are in order of life: threads end first, the socket's name goes last.
struct UnixServer::State {
  State(UnixListener bound, UniqueFd accepting, const ServerLimits& limits, RequestHandler handler)
      : listener{std::move(bound)},
        threads{limits.max_connections},
        network{limits, on_threads(threads, std::move(handler), limits.log), totals},
        accept{network.io(), std::move(accepting), [this](int fd) { take(fd); }} {}

  void take(int fd) {
    Origin origin{.peer = peer_of(fd), .remote = {}};
    UnixTransport::Socket socket{network.io(), {AF_UNIX, 0}, fd};
    network.take(std::make_unique<UnixTransport>(std::move(socket)), std::move(origin));
  }

  UnixListener listener;
  ServerTotals totals{};
  HandlerThreads threads;
  NetworkThread network;
  AcceptLoop accept;
};

UnixServer::UnixServer(std::unique_ptr<State> state) : state_{std::move(state)} {}

Result<std::unique_ptr<UnixServer>> UnixServer::listen(const ServerOptions& options,
                                                       RequestHandler handler) {
  auto listener = TRY(UnixListener::bind(options.path, options.mode, options.group));
  // Accepting ends before the name goes: two descriptors.
  UniqueFd accepting{::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0)};
  if (!accepting) return Error{Errc::exhausted, "serve " + options.path + ": no descriptors"};
  auto state = std::make_unique<State>(std::move(listener), std::move(accepting), options,
                                       std::move(handler));
  state->accept.start();
  state->network.start();
  return std::unique_ptr<UnixServer>{new UnixServer{std::move(state)}};
}

UnixServer::~UnixServer() {
  boost::asio::post(state_->network.io(), [this] { state_->accept.close(); });
  state_->network.stop();
  state_->network.join();
}

}  // namespace holdfast::http
