// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <openssl/ssl.h>

#include "base/handle.hpp"
#include "http/transport.hpp"

// Private to this folder.
namespace holdfast::http {

// The server's side of a TLS connection. OpenSSL works on the socket itself: Asio's own
// stream keeps 70 KiB of buffers for each connection.
class TlsTransport final : public Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  TlsTransport(SSL_CTX* context, Socket socket);

  void open(Done done) override;
  void read_some(boost::asio::mutable_buffer into, Done done) override;
  void write_some(boost::asio::const_buffer from, Done done) override;
  void wait_for_hangup(Done done) override;
  void cancel() override;
  bool shutdown_send() override;
  void close() override;

 private:
  using SslHandle = Handle<SSL, SSL_free>;
  // One call of OpenSSL; above 0: how many bytes it moved.
  using Step = std::function<int(SSL* ssl)>;
  // Takes `step` until it gets through, waiting for the socket in between.
  void attempt(Step step, Done done);
  void finish(Done done, const ErrorCode& error, std::size_t bytes);

  Socket socket_;
  SslHandle ssl_;
  bool is_broken_ = false;  // OpenSSL must not be asked again
};

}  // namespace holdfast::http
