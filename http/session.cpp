// SPDX-License-Identifier: Apache-2.0
#include "http/session.hpp"

#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <string>
#include <utility>

namespace holdfast::http {
namespace {

namespace beast = boost::beast;
constexpr std::uint32_t max_header = 16 * 1024;          // bytes, all lines
constexpr std::size_t read_size = 4096;                  // bytes
constexpr std::uint64_t max_drained = 16 * 1024 * 1024;  // bytes, after a refusal
constexpr Duration drain_time{1'000};                    // for the peer to read that
constexpr Duration last_answer_time{1'000};              // while the server stops

std::optional<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return Peer{credentials.uid, credentials.gid, credentials.pid};
}

Response plain(int status, std::string_view text) {
  return {status, "text/plain; charset=utf-8", std::string{text} + "\n"};
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Result<Request> to_request(beast::http::request<beast::http::string_body> message) {
  Request request;
  TRY(decode_target(view(message.target()), request));
  request.method = std::string{view(message.method_string())};
  for (const auto& field : message) {
    const auto value = view(field.value());
    const auto [at, is_new] = request.headers.emplace(view(field.name_string()), value);
    if (!is_new) at->second += ", " + std::string{value};
  }
  request.body = std::move(message.body());
  return request;
}

Response answer_of(const RequestHandler& handler, const Request& request, const Logger& log) {
  std::string why = "not a standard exception";
  try {
    auto answer = handler(request);
    if (answer.status >= 200 && answer.status <= 599) return answer;
    why = "status " + std::to_string(answer.status);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {  // the thread's edge: nothing may get past it
  }
  log.error("request handler failed", {{"path", request.path}, {"error", why}});
  return plain(500, "internal error");
}

}  // namespace

Session::Session(SessionContext& context, Socket socket)
    : context_{context},
      socket_{std::move(socket)},
      timer_{context.io},
      peer_{peer_of(socket_.native_handle())} {}

void Session::start() { wait_for_request(); }

void Session::start_refusing() { write_answer(plain(503, "too many connections"), false); }

void Session::stop() {
  stop_.request_stop();
  switch (phase_) {
    case Phase::handling: return;  // write_answer() sees that the server is stopping
    case Phase::writing: return set_deadline(last_answer_time);
    default: return close();
  }
}

void Session::set_deadline(Duration limit) {
  timed_out_ = false;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), number = ++deadline_](const ErrorCode& error) {
    if (error || number != self->deadline_) return;
    self->timed_out_ = true;
    ErrorCode ignored;
    self->socket_.cancel(ignored);
  });
}

void Session::wait_for_request() {
  if (context_.stopping) return close();
  if (buffer_.size() > 0) return read_request();  // it came along with the last one
  phase_ = Phase::idle;
  set_deadline(context_.options.idle_timeout);
  socket_.async_read_some(buffer_.prepare(read_size),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
                            if (self->phase_ == Phase::closed) return;
                            if (error) return self->close();
                            self->buffer_.commit(n);
                            self->read_request();
                          });
}

void Session::read_request() {
  phase_ = Phase::reading;
  is_head_ = false;
  set_deadline(context_.options.request_timeout);
  parser_.emplace();
  parser_->header_limit(max_header);
  parser_->body_limit(context_.options.max_body);
  beast::http::async_read(socket_, buffer_, *parser_,
                          [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                            if (self->phase_ == Phase::closed) return;
                            if (error) return self->refuse_request(error);
                            self->dispatch();
                          });
}

void Session::refuse_request(const ErrorCode& error) {
  namespace http = beast::http;
  context_.options.log.debug("request refused", {{"error", error.message()}});
  if (timed_out_) return write_answer(plain(408, "the request took too long"), false);
  if (error == http::error::body_limit)
    return write_answer(plain(413, "the body is too large"), false);
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return write_answer(plain(431, "the header is too large"), false);
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return close();  // nobody is left to answer
  if (error.category() == http::make_error_code(http::error::bad_method).category())
    return write_answer(plain(400, "not an HTTP request: " + error.message()), false);
  close();
}

void Session::dispatch() {
  const bool keep_alive = parser_->keep_alive();
  auto request = to_request(parser_->release());
  if (!request) return write_answer(plain(400, request.error().message()), false);
  is_head_ = request->method == "HEAD";
  request->peer = peer_;
  stop_ = std::stop_source{};
  request->stop = stop_.get_token();
  phase_ = Phase::handling;
  ++deadline_;  // the handler has its own idea of time
  timer_.cancel();
  watch_for_hangup();
  // The guard keeps the network thread alive until the answer has come back to it.
  context_.threads.run([self = shared_from_this(), keep_alive, request = std::move(*request),
                        guard = boost::asio::make_work_guard(context_.io)]() mutable {
    auto& context = self->context_;
    auto answer = answer_of(context.handler, request, context.options.log);
    boost::asio::post(context.io,
                      [self = std::move(self), keep_alive, answer = std::move(answer)]() mutable {
                        self->write_answer(std::move(answer), keep_alive);
                      });
  });
}

void Session::watch_for_hangup() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const ErrorCode& error) {
    if (error || self->phase_ != Phase::handling) return;
    char byte = 0;
    const auto n =
        ::recv(self->socket_.native_handle(), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0) self->stop_.request_stop();  // else it is the next request, read in its turn
  });
}

void Session::write_answer(Response answer, bool keep_alive) {
  namespace http = beast::http;
  ErrorCode ignored;
  socket_.cancel(ignored);  // the watch for a hangup
  phase_ = Phase::writing;
  set_deadline(context_.stopping ? last_answer_time : context_.options.request_timeout);
  const bool stays = keep_alive && !context_.stopping;
  auto message = std::make_shared<http::response<http::string_body>>();
  message->result(static_cast<unsigned>(answer.status));
  message->set(http::field::content_type, answer.content_type);
  message->keep_alive(stays);
  message->content_length(answer.body.size());
  if (!is_head_) message->body() = std::move(answer.body);
  http::async_write(
      socket_, *message,
      [self = shared_from_this(), message, stays](const ErrorCode& error, std::size_t) {
        if (self->phase_ == Phase::closed) return;
        if (error) return self->close();
        if (stays) return self->wait_for_request();
        ErrorCode failed;
        self->socket_.shutdown(Socket::shutdown_send, failed);
        if (failed) return self->close();
        self->set_deadline(drain_time);
        self->drain();
      });
}

// Closing with bytes unread would reset the connection, and our answer with it.
void Session::drain() {
  phase_ = Phase::draining;
  buffer_.consume(buffer_.size());
  if (drained_ > max_drained || timed_out_ || context_.stopping) return close();
  socket_.async_read_some(buffer_.prepare(read_size),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
                            if (self->phase_ == Phase::closed) return;
                            if (error) return self->close();
                            self->drained_ += n;
                            self->drain();
                          });
}

void Session::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  ++deadline_;
  timer_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  context_.sessions.erase(shared_from_this());
}

}  // namespace holdfast::http
