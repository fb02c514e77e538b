// SPDX-License-Identifier: Apache-2.0
#include "http/session.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <exception>
#include <string_view>
#include <utility>

#include "http/responder.hpp"

namespace holdfast::http {
namespace {

namespace beast = boost::beast;
constexpr std::uint32_t max_header = 16 * 1024;          // bytes, all lines
constexpr std::size_t read_size = 4096;                  // bytes
constexpr std::uint64_t max_drained = 16 * 1024 * 1024;  // bytes, after a refusal
constexpr Duration drain_time{1'000};                    // for the peer to read that
constexpr Duration last_answer_time{1'000};              // while the server stops

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

// The answer's first lines. Beast would write the same, in more pieces than one TLS record.
std::string head_of(const Response& answer, bool stays) {
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " ";
  head += view(beast::http::obsolete_reason(
      beast::http::int_to_status(static_cast<unsigned>(answer.status))));
  head += "\r\nContent-Type: " + answer.content_type +
          "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
  for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
  return head += stays ? "\r\n" : "Connection: close\r\n\r\n";
}

}  // namespace

Session::Session(SessionContext& context, std::unique_ptr<Transport> transport, Origin origin)
    : context_{context},
      transport_{std::move(transport)},
      timer_{context.io},
      origin_{std::move(origin)} {
  ++context_.totals.open;
}

void Session::start() { open(false); }
void Session::start_refusing() { open(true); }

void Session::open(bool is_refused) {
  set_deadline(context_.limits.request_timeout);
  transport_->open([self = shared_from_this(), is_refused](const ErrorCode& error, std::size_t) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    if (is_refused) return self->write_answer(plain(503, "too many connections"));
    self->wait_for_request();
  });
}

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
  deadline_ = std::chrono::steady_clock::now() + limit;
  if (!timer_set_ || *timer_set_ > *deadline_) arm_timer();
}

void Session::arm_timer() {
  timer_set_ = deadline_;
  timer_.expires_at(*timer_set_);
  timer_.async_wait([self = shared_from_this(), number = ++timer_number_](const ErrorCode& error) {
    if (error || number != self->timer_number_) return;
    self->timer_set_.reset();
    if (!self->deadline_) return;
    if (std::chrono::steady_clock::now() < *self->deadline_) return self->arm_timer();
    self->deadline_.reset();
    self->timed_out_ = true;
    self->transport_->cancel();
  });
}

void Session::wait_for_request() {
  if (context_.stopping) return close();
  if (buffer_.size() > 0) return start_request();  // it came along with the last one
  phase_ = Phase::idle;
  set_deadline(context_.limits.idle_timeout);
  transport_->read_some(buffer_.prepare(read_size),
                        [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
                          if (self->phase_ == Phase::closed) return;
                          if (error) return self->close();
                          self->buffer_.commit(n);
                          self->start_request();
                        });
}

void Session::start_request() {
  phase_ = Phase::reading;
  is_head_ = false;
  stays_ = false;
  set_deadline(context_.limits.request_timeout);
  parser_.emplace();
  parser_->header_limit(max_header);
  parser_->body_limit(context_.limits.max_body);
  read_request();
}

void Session::read_request() {
  ErrorCode error;
  while (buffer_.size() > 0 && !error && !parser_->is_done()) {
    const bool had_head = parser_->is_header_done();
    const auto taken = parser_->put(buffer_.data(), error);
    buffer_.consume(taken);
    if (had_head) received_ += taken;
    if (!had_head && parser_->is_header_done() && !check_head()) return;
  }
  if (error == beast::http::error::need_more) error = {};
  if (error) return refuse_request(error);
  if (parser_->is_done()) return dispatch();
  if (!account()) return write_answer(plain(503, "too much is being received"));
  transport_->read_some(buffer_.prepare(read_size),
                        [self = shared_from_this()](const ErrorCode& failed, std::size_t n) {
                          if (self->phase_ == Phase::closed) return;
                          if (failed) return self->refuse_request(failed);
                          self->buffer_.commit(n);
                          self->read_request();
                        });
}

bool Session::check_head() {
  parser_->eager(true);
  const auto& limits = context_.limits;
  const auto length = parser_->content_length();
  const bool is_small = !parser_->chunked() && length.value_or(0) <= limits.small_body;
  if (!limits.body_limit || is_small) return true;
  auto head = to_request(beast::http::request<beast::http::string_body>{parser_->get().base()});
  if (!head) {
    write_answer(plain(400, head.error().message()));
    return false;
  }
  head->remote = origin_.remote;
  const auto limit =
      std::min(std::max(limits.body_limit(*head), limits.small_body), limits.max_body);
  if (length && *length > limit) {
    write_answer(plain(413, "the body is too large"));
    return false;
  }
  parser_->body_limit(limit);
  return true;
}

// Adds what has arrived of the body to the server's total; false when that is too much.
bool Session::account() {
  const auto counted = std::exchange(received_, 0);
  auto& total = context_.totals.receiving;
  received_counted_ += counted;
  return (total += counted) <= context_.limits.max_receiving;
}

void Session::forget_received() {
  context_.totals.receiving -= std::exchange(received_counted_, 0);
  received_ = 0;
}

void Session::refuse_request(const ErrorCode& error) {
  namespace http = beast::http;
  context_.limits.log.debug("request refused", {{"error", error.message()}});
  if (timed_out_) return write_answer(plain(408, "the request took too long"));
  if (error == http::error::body_limit) return write_answer(plain(413, "the body is too large"));
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return write_answer(plain(431, "the header is too large"));
  if (error.category() == http::make_error_code(http::error::bad_method).category())
    return write_answer(plain(400, "not an HTTP request: " + error.message()));
  close();  // nobody is left to answer
}

void Session::dispatch() {
  lift_deadline();  // the handler has its own idea of time
  stays_ = parser_->keep_alive() && parser_->get().version() >= 11;
  auto request = to_request(parser_->release());
  forget_received();
  parser_.reset();
  if (buffer_.size() == 0) buffer_.shrink_to_fit();  // this may become a long poll
  if (!request) {
    stays_ = false;
    return write_answer(plain(400, request.error().message()));
  }
  is_head_ = request->method == "HEAD";
  request->peer = origin_.peer;
  request->remote = origin_.remote;
  stop_ = std::stop_source{};
  request->stop = stop_.get_token();
  phase_ = Phase::handling;
  if (context_.limits.tells_hangups) watch_for_hangup();
  handle(std::move(*request));
}

void Session::handle(Request request) {
  Responder responder{std::make_unique<Responder::Target>(shared_from_this())};
  std::string why = "not a standard exception";
  try {
    return context_.handler(std::move(request), std::move(responder));
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {  // the thread's edge: nothing may get past it
  }
  context_.limits.log.error("request handler failed", {{"error", why}});
}

void Session::watch_for_hangup() {
  transport_->wait_for_hangup([self = shared_from_this()](const ErrorCode& error, std::size_t) {
    if (!error && self->phase_ == Phase::handling) self->stop_.request_stop();
  });
}

void Session::write_answer(Response answer) {
  if (phase_ == Phase::closed) return;
  if (answer.status < 200 || answer.status > 599) {
    context_.limits.log.error("request handler failed", {{"status", answer.status}});
    answer = plain(500, "internal error");
  }
  if (context_.limits.tells_hangups) transport_->cancel();  // the watch
  phase_ = Phase::writing;
  forget_received();
  if (context_.stopping) stays_ = false;
  outgoing_ = head_of(answer, stays_);
  if (!is_head_) outgoing_ += answer.body;
  written_ = 0;
  const Duration for_size{
      static_cast<std::int64_t>(outgoing_.size() * 1000 / context_.limits.answer_rate)};
  set_deadline(context_.stopping ? last_answer_time : context_.limits.request_timeout + for_size);
  write_rest();
}

void Session::write_rest() {
  const boost::asio::const_buffer rest{outgoing_.data() + written_, outgoing_.size() - written_};
  transport_->write_some(rest, [self = shared_from_this()](const ErrorCode& error, std::size_t n) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->written_ += n;
    if (self->written_ < self->outgoing_.size()) return self->write_rest();
    self->outgoing_ = {};
    if (self->stays_) return self->wait_for_request();
    if (!self->transport_->shutdown_send()) return self->close();
    self->set_deadline(drain_time);
    self->drain();
  });
}

// Closing with bytes unread would reset the connection, and our answer with it.
void Session::drain() {
  phase_ = Phase::draining;
  buffer_.consume(buffer_.size());
  if (drained_ > max_drained || timed_out_ || context_.stopping) return close();
  transport_->read_some(buffer_.prepare(read_size),
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
  --context_.totals.open;
  forget_received();
  lift_deadline();
  timer_.cancel();
  transport_->close();
  context_.sessions.erase(shared_from_this());
}

}  // namespace holdfast::http
