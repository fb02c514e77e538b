// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>

#include "http/handler_threads.hpp"
#include "http/unix_server.hpp"

// Private to this folder: the one header that shows Asio.
namespace holdfast::http {

class Session;

// What all sessions of a server share. Used on the network thread only, but for `threads`.
struct SessionContext {
  ServerOptions options{};
  RequestHandler handler{};
  boost::asio::io_context& io;
  HandlerThreads& threads;
  std::set<std::shared_ptr<Session>> sessions{};
  bool stopping = false;
};

// One connection. Everything here runs on the network thread, except the handler. Alive
// while it is in SessionContext::sessions, or some operation still refers to it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  Session(SessionContext& context, Socket socket);
  // Answers requests until the peer leaves or misbehaves.
  void start();
  // Answers 503 and closes.
  void start_refusing();
  // Closes at once when idle; otherwise after the answer to the current request.
  void stop();

 private:
  using ErrorCode = boost::system::error_code;
  enum class Phase { idle, reading, handling, writing, draining, closed };

  void wait_for_request();
  void read_request();
  void refuse_request(const ErrorCode& error);
  void dispatch();
  void watch_for_hangup();
  void write_answer(Response answer, bool keep_alive);
  void drain();
  void close();
  // Cancels what the socket is doing when `limit` has passed; `timed_out_` says so.
  void set_deadline(Duration limit);

  SessionContext& context_;
  Socket socket_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_{};
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_{};
  std::optional<Peer> peer_{};
  std::stop_source stop_{};
  Phase phase_ = Phase::idle;
  unsigned deadline_ = 0;  // number of the deadline in force
  std::uint64_t drained_ = 0;
  bool timed_out_ = false;
  bool is_head_ = false;
};

}  // namespace holdfast::http
