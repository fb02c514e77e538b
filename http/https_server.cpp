// SPDX-License-Identifier: Apache-2.0
#include "http/https_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "http/network_thread.hpp"
#include "http/tls_context.hpp"
#include "http/tls_transport.hpp"

namespace holdfast::http {
namespace {

namespace asio = boost::asio;
using Endpoint = asio::ip::tcp::endpoint;

// "192.0.2.1:8443", "[::]:8443"
Result<Endpoint> parse_address(const std::string& text) {
  const auto bad = [&text] {
    return Error{Errc::invalid, "found \"" + text +
                                    "\", expected an address and a port like 0.0.0.0:8443 or "
                                    "[::]:8443"};
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return bad();
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return bad();
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, port);
  if (failed || error != std::errc{} || end != last) return bad();
  return Endpoint{address, port};
}

Error system_error(const std::string& doing, int error) {
  const auto code = error == EADDRINUSE                  ? Errc::conflict
                    : error == EACCES || error == EPERM  ? Errc::denied
                    : error == EMFILE || error == ENOMEM ? Errc::exhausted
                                                         : Errc::unavailable;
  return {code, doing + ": " + std::system_category().message(error)};
}

Result<UniqueFd> listen_on(const Endpoint& endpoint, const std::string& address) {
  UniqueFd fd{
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return system_error("create a socket", errno);
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return system_error("listen on " + address, errno);
  return fd;
}

std::uint16_t port_of(int fd) {
  Endpoint bound;
  auto size = static_cast<socklen_t>(bound.capacity());
  if (::getsockname(fd, bound.data(), &size) != 0) return 0;
  return bound.port();
}

}  // namespace

// Members are in order of life.
struct HttpsServer::State {
  State(TlsContext tls, UniqueFd listening, const HttpsServerOptions& options,
        const AsyncRequestHandler& handler)
      : context{std::move(tls)},
        port{port_of(listening.get())},
        threads{make_threads(options, handler, totals)},
        accept{threads.front()->io(), std::move(listening), [this](int fd) { take(fd); }} {}

  using Threads = std::vector<std::unique_ptr<NetworkThread>>;
  static Threads make_threads(const HttpsServerOptions& options, const AsyncRequestHandler& handler,
                              ServerTotals& totals) {
    Threads threads;
    for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i)
      threads.push_back(std::make_unique<NetworkThread>(options, handler, totals));
    return threads;
  }

  // On the first thread; connections go round.
  void take(int fd) {
    auto& thread = *threads[next++ % threads.size()];
    TlsTransport::Socket socket{thread.io()};
    Endpoint remote;
    auto size = static_cast<socklen_t>(remote.capacity());
    boost::system::error_code failed;
    if (::getpeername(fd, remote.data(), &size) == 0)
      socket.assign(remote.protocol(), fd, failed);
    else
      socket.assign(asio::ip::tcp::v6(), fd, failed);  // it has left already
    asio::post(thread.io(), [this, &thread, socket = std::move(socket), remote]() mutable {
      thread.take(std::make_unique<TlsTransport>(context.get(), std::move(socket)),
                  {.peer = {}, .remote = remote.address().to_string()});
    });
  }

  TlsContext context;
  std::uint16_t port = 0;
  ServerTotals totals{};
  Threads threads;
  AcceptLoop accept;
  std::size_t next = 0;
};

HttpsServer::HttpsServer(std::unique_ptr<State> state) : state_{std::move(state)} {}

Result<std::unique_ptr<HttpsServer>> HttpsServer::listen(const HttpsServerOptions& options,
                                                         const AsyncRequestHandler& handler) {
  const auto endpoint = TRY(parse_address(options.address));
  auto context = TRY(tls_server_context(options.certificate, options.key));
  auto listening = TRY(listen_on(endpoint, options.address));
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  auto state = std::make_unique<State>(std::move(context), std::move(listening), options, handler);
  state->accept.start();
  for (auto& thread : state->threads) thread->start();
  return std::unique_ptr<HttpsServer>{new HttpsServer{std::move(state)}};
}

HttpsServer::~HttpsServer() {
  asio::post(state_->threads.front()->io(), [this] { state_->accept.close(); });
  for (auto& thread : state_->threads) thread->stop();
  for (auto& thread : state_->threads) thread->join();
}

std::uint16_t HttpsServer::port() const { return state_->port; }
std::size_t HttpsServer::connections() const { return state_->totals.open.load(); }

}  // namespace holdfast::http
