// SPDX-License-Identifier: Apache-2.0
#include "http/tls_transport.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <climits>
#include <utility>

#include <openssl/err.h>

namespace holdfast::http {
namespace {

namespace asio = boost::asio;

int as_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

TlsTransport::TlsTransport(SSL_CTX* context, Socket socket)
    : socket_{std::move(socket)}, ssl_{SSL_new(context)} {
  ErrorCode failed;
  socket_.set_option(asio::ip::tcp::no_delay{true}, failed);
  if (!failed) socket_.native_non_blocking(true, failed);
  is_broken_ = failed || !ssl_ || SSL_set_fd(ssl_.get(), socket_.native_handle()) != 1;
  if (ssl_) SSL_set_accept_state(ssl_.get());
}

void TlsTransport::open(Done done) {
  attempt([](SSL* ssl) { return SSL_do_handshake(ssl); }, std::move(done));
}

void TlsTransport::read_some(asio::mutable_buffer into, Done done) {
  attempt([into](SSL* ssl) { return SSL_read(ssl, into.data(), as_int(into.size())); },
          std::move(done));
}

void TlsTransport::write_some(asio::const_buffer from, Done done) {
  attempt([from](SSL* ssl) { return SSL_write(ssl, from.data(), as_int(from.size())); },
          std::move(done));
}

void TlsTransport::wait_for_hangup(Done done) {
  const auto peek = [](SSL* ssl) {
    char byte = 0;
    return SSL_peek(ssl, &byte, 1);
  };
  attempt(peek, [done = std::move(done)](const ErrorCode& error, std::size_t) {
    if (!error) return done(asio::error::message_size, 0);  // the next request, read in its turn
    done(error == asio::error::operation_aborted ? error : ErrorCode{}, 0);
  });
}

void TlsTransport::attempt(Step step, Done done) {
  if (is_broken_) return finish(std::move(done), asio::error::not_connected, 0);
  ERR_clear_error();
  const int moved = step(ssl_.get());
  if (moved > 0) return finish(std::move(done), {}, static_cast<std::size_t>(moved));
  const int why = SSL_get_error(ssl_.get(), moved);
  if (why == SSL_ERROR_ZERO_RETURN) return finish(std::move(done), asio::error::eof, 0);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
    is_broken_ = true;
    ERR_clear_error();
    return finish(std::move(done), asio::error::connection_reset, 0);
  }
  socket_.async_wait(
      why == SSL_ERROR_WANT_READ ? Socket::wait_read : Socket::wait_write,
      [this, step = std::move(step), done = std::move(done)](const ErrorCode& error) mutable {
        if (error) return done(error, 0);
        attempt(std::move(step), std::move(done));
      });
}

void TlsTransport::finish(Done done, const ErrorCode& error, std::size_t bytes) {
  asio::post(socket_.get_executor(),
             [done = std::move(done), error, bytes] { done(error, bytes); });
}

void TlsTransport::cancel() {
  ErrorCode ignored;
  socket_.cancel(ignored);
}

bool TlsTransport::shutdown_send() {
  if (!is_broken_) SSL_shutdown(ssl_.get());  // one record, or nothing when it does not fit
  ErrorCode failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  return !failed;
}

void TlsTransport::close() {
  ErrorCode ignored;
  socket_.close(ignored);
  is_broken_ = true;
}

}  // namespace holdfast::http
