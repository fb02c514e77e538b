// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "http/server.hpp"
#include "http/transport.hpp"

// Private to this folder.
namespace holdfast::http {

class Session;

// Of a whole server.
struct ServerTotals {
  std::atomic<std::size_t> open{0};         // sessions
  std::atomic<std::uint64_t> receiving{0};  // bytes of requests that are not yet whole
};

// What the sessions of one network thread share, and used there only, but for `totals`.
struct SessionContext {
  ServerLimits limits{};
  AsyncRequestHandler handler{};
  ServerTotals& totals;
  boost::asio::io_context io{1};
  std::set<std::shared_ptr<Session>> sessions{};
  bool stopping = false;
};

// Who is at the other end.
struct Origin {
  std::optional<Peer> peer{};
  std::string remote{};
};

// One connection. Everything here runs on its network thread. Alive while it is in
// SessionContext::sessions, or some operation still refers to it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(SessionContext& context, std::unique_ptr<Transport> transport, Origin origin);
  ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Answers requests until the peer leaves or misbehaves.
  void start();
  // Answers 503 and closes.
  void start_refusing();
  // Closes at once when idle; otherwise after the answer to the current request.
  void stop();

 private:
  friend class Responder::Target;
  using ErrorCode = boost::system::error_code;
  enum class Phase { opening, idle, reading, handling, writing, draining, closed };

  void open(bool is_refused);
  void wait_for_request();
  void start_request();
  void read_request();
  // Whether the request may go on; otherwise it is refused.
  bool check_head();
  bool account();
  void forget_received();
  void refuse_request(const ErrorCode& error);
  void dispatch();
  void handle(Request request);
  void watch_for_hangup();
  void write_answer(Response answer);
  void write_rest();
  void drain();
  void close();
  // Cancels what the transport is doing when `limit` has passed; `timed_out_` says so.
  void set_deadline(Duration limit);
  void lift_deadline() { deadline_.reset(); }
  void arm_timer();

  SessionContext& context_;
  std::unique_ptr<Transport> transport_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_{};
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_{};
  Origin origin_;
  std::stop_source stop_{std::nostopstate};
  std::string outgoing_{};
  std::size_t written_ = 0;
  Phase phase_ = Phase::opening;
  // Deadlines come and go with each request; the timer stays, and looks again when it is early.
  using Instant = std::chrono::steady_clock::time_point;
  std::optional<Instant> deadline_{};
  std::optional<Instant> timer_set_{};  // when it goes off
  unsigned timer_number_ = 0;           // of the one that counts
  std::uint64_t drained_ = 0;
  std::uint64_t received_ = 0;          // of the body, since it was last counted
  std::uint64_t received_counted_ = 0;  // in the server's total
  bool timed_out_ = false;
  bool is_head_ = false;
  bool stays_ = false;  // after the answer
};

}  // namespace holdfast::http
