// SPDX-License-Identifier: Apache-2.0
#include "http/network_thread.hpp"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

namespace holdfast::http {
namespace {

constexpr std::chrono::milliseconds accept_pause{100};  // when descriptors have run out

}  // namespace

void NetworkThread::join() {
  if (thread_.joinable()) thread_.join();
}

void NetworkThread::start() {
  thread_ = std::thread{[this] { context_.io.run(); }};
}

void NetworkThread::stop() {
  boost::asio::post(context_.io, [this] {
    context_.stopping = true;
    const auto sessions = context_.sessions;  // stopping a session takes it out of the set
    for (const auto& session : sessions) session->stop();
    guard_.reset();
  });
}

void NetworkThread::take(std::unique_ptr<Transport> transport, Origin origin) {
  const auto open = context_.totals.open.load();
  const auto limit = context_.limits.max_connections;
  if (context_.stopping || open >= 2 * limit) return;  // not even worth an answer
  const auto session = std::make_shared<Session>(context_, std::move(transport), std::move(origin));
  context_.sessions.insert(session);
  open < limit ? session->start() : session->start_refusing();
}

AcceptLoop::AcceptLoop(boost::asio::io_context& io, UniqueFd listening,
                       std::function<void(int fd)> take)
    : fd_{std::move(listening)}, listening_{io, fd_.get()}, pause_{io}, take_{std::move(take)} {}

// Asio's own accept leaves descriptors open to every program that is started.
void AcceptLoop::start() {
  const auto wait = boost::asio::posix::stream_descriptor::wait_read;
  listening_.async_wait(wait, [this](const boost::system::error_code&) {
    if (is_closed_) return;
    const int fd = ::accept4(listening_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) take_(fd);
    if (fd >= 0 || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return start();
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled && !is_closed_) start();
    });
  });
}

void AcceptLoop::close() {
  if (std::exchange(is_closed_, true)) return;
  listening_.release();
  pause_.cancel();
  fd_ = UniqueFd{};
}

}  // namespace holdfast::http
