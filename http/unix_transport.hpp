// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>

#include "http/transport.hpp"

// Private to this folder.
namespace holdfast::http {

// A connection in the clear: over a Unix socket, or on the loopback interface.
class UnixTransport final : public Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  explicit UnixTransport(Socket socket) : socket_{std::move(socket)} {}

  void open(Done done) override;
  void read_some(boost::asio::mutable_buffer into, Done done) override;
  void write_some(boost::asio::const_buffer from, Done done) override;
  void wait_for_hangup(Done done) override;
  void cancel() override;
  bool shutdown_send() override;
  void close() override;

 private:
  Socket socket_;
};

}  // namespace holdfast::http
