// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>

// Private to this folder.
namespace holdfast::http {

// The bytes of one connection, in the clear. Used on its network thread only; calls back there,
// never from inside the call. At most one read or wait and one write at a time.
class Transport {
 public:
  using ErrorCode = boost::system::error_code;
  using Done = std::function<void(const ErrorCode& error, std::size_t bytes)>;
  virtual ~Transport() = default;

  // Before anything else: a TLS handshake, nothing on a Unix socket.
  virtual void open(Done done) = 0;
  // At least one byte.
  virtual void read_some(boost::asio::mutable_buffer into, Done done) = 0;
  virtual void write_some(boost::asio::const_buffer from, Done done) = 0;
  // `done` without an error: the peer has left. With one: it has sent something, or this was
  // cancelled.
  virtual void wait_for_hangup(Done done) = 0;
  // Everything under way calls back with an error.
  virtual void cancel() = 0;
  // Tells the peer that nothing follows. False when it cannot be told any more.
  virtual bool shutdown_send() = 0;
  virtual void close() = 0;
};

}  // namespace holdfast::http
