// SPDX-License-Identifier: Apache-2.0
#include "http/unix_transport.hpp"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace holdfast::http {

void UnixTransport::open(Done done) {
  boost::asio::post(socket_.get_executor(), [done = std::move(done)] { done({}, 0); });
}

void UnixTransport::read_some(boost::asio::mutable_buffer into, Done done) {
  socket_.async_read_some(into, std::move(done));
}

void UnixTransport::write_some(boost::asio::const_buffer from, Done done) {
  socket_.async_write_some(from, std::move(done));
}

void UnixTransport::wait_for_hangup(Done done) {
  const auto looked = [fd = socket_.native_handle(), done = std::move(done)](ErrorCode error) {
    char byte = 0;
    if (!error && ::recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) != 0)
      error = boost::asio::error::message_size;  // it is the next request, read in its turn
    done(error, 0);
  };
  socket_.async_wait(Socket::wait_read, looked);
}

void UnixTransport::cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

bool UnixTransport::shutdown_send() {
  ErrorCode failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  return !failed;
}

void UnixTransport::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace holdfast::http
