// SPDX-License-Identifier: Apache-2.0
#include "http/unix_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "http/session.hpp"
#include "http/unix_socket.hpp"

namespace holdfast::http {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
constexpr std::chrono::milliseconds accept_pause{100};  // when descriptors have run out

}  // namespace

// Members are in order of life: threads end first, the socket's name goes last.
struct UnixServer::State {
  State(UnixListener bound, ServerOptions given, RequestHandler given_handler)
      : listener{std::move(bound)},
        threads{given.max_connections},
        context{std::move(given), std::move(given_handler), io, threads} {}

  void accept();
  void take(Protocol::socket socket);
  void stop();

  UnixListener listener;
  asio::io_context io{1};
  Protocol::acceptor acceptor{io};
  asio::steady_timer pause{io};
  HandlerThreads threads;
  SessionContext context;
  std::thread network{};
};

// Asio's own accept leaves descriptors open to every program that is started.
void UnixServer::State::accept() {
  acceptor.async_wait(Protocol::acceptor::wait_read, [this](const boost::system::error_code&) {
    if (context.stopping) return;
    const int fd = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) take(Protocol::socket{io, Protocol{}, fd});
    if (fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return accept();
    pause.expires_after(accept_pause);
    pause.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled && !context.stopping) accept();
    });
  });
}

void UnixServer::State::take(Protocol::socket socket) {
  const auto open = context.sessions.size();
  const auto limit = context.options.max_connections;
  if (open >= 2 * limit) return;  // not even worth an answer: the socket closes here
  const auto session = std::make_shared<Session>(context, std::move(socket));
  context.sessions.insert(session);
  open < limit ? session->start() : session->start_refusing();
}

void UnixServer::State::stop() {
  context.stopping = true;
  boost::system::error_code ignored;
  acceptor.close(ignored);
  pause.cancel();
  const auto sessions = context.sessions;  // stopping a session takes it out of the set
  for (const auto& session : sessions) session->stop();
}

UnixServer::UnixServer(std::unique_ptr<State> state) : state_{std::move(state)} {}

Result<std::unique_ptr<UnixServer>> UnixServer::listen(ServerOptions options,
                                                       RequestHandler handler) {
  auto listener = TRY(UnixListener::bind(options.path, options.mode, options.group));
  auto state = std::make_unique<State>(std::move(listener), std::move(options), std::move(handler));
  // Asio closes what it was given; the listener keeps its own for the name's sake.
  const int accepting = ::fcntl(state->listener.fd(), F_DUPFD_CLOEXEC, 0);
  boost::system::error_code error;
  if (accepting >= 0) state->acceptor.assign(Protocol{}, accepting, error);
  if (accepting < 0 || error)
    return Error{Errc::exhausted, "serve " + state->context.options.path + ": no descriptors"};
  state->accept();
  state->network = std::thread{[raw = state.get()] { raw->io.run(); }};
  return std::unique_ptr<UnixServer>{new UnixServer{std::move(state)}};
}

UnixServer::~UnixServer() {
  asio::post(state_->io, [this] { state_->stop(); });
  state_->network.join();
}

}  // namespace holdfast::http
