// SPDX-License-Identifier: Apache-2.0
#include "http/responder.hpp"

#include <boost/asio/post.hpp>

namespace holdfast::http {

void Responder::Target::deliver(Response response) {
  auto& io = session_->context_.io;
  boost::asio::post(
      io, [session = std::move(session_), response = std::move(response),
           guard = std::move(guard_)]() mutable { session->write_answer(std::move(response)); });
}

Responder::Responder(std::unique_ptr<Target> target) : target_{std::move(target)} {}
Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(target_, other.target_);  // `other` answers what we held
  return *this;
}

Responder::~Responder() { answer({500, "text/plain; charset=utf-8", "internal error\n"}); }

void Responder::answer(Response response) {
  if (const auto target = std::exchange(target_, nullptr)) target->deliver(std::move(response));
}

}  // namespace holdfast::http
