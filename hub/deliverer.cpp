// SPDX-License-Identifier: Apache-2.0
#include "hub/deliverer.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "http/outbound.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t at_a_time = 100;
constexpr Duration look_again = 60s;
constexpr Duration send_deadline = 10s;

}  // namespace

Duration delivery_backoff(std::uint32_t attempts) {
  constexpr Duration longest = 5min;
  if (attempts > 9) return longest;
  return std::min<Duration>(longest, Duration{1000} * (1U << (attempts - (attempts > 0 ? 1 : 0))));
}

Result<void> HttpSender::send(const Delivery& delivery, const std::stop_token& stop) {
  http::Request request;
  request.method = "POST";
  request.body = delivery.body;
  request.headers["Idempotency-Key"] = delivery.alert;
  const auto answer =
      TRY(http::send_to(delivery.receiver, request, {.deadline = send_deadline, .stop = stop}));
  if (answer.status >= 200 && answer.status < 300) return ok();
  return Error{Errc::unavailable, "answered " + std::to_string(answer.status)};
}

Result<Duration> Deliverer::deliver_due(const std::stop_token& stop) {
  std::vector<Delivery> owed;
  const auto was_read = to_.store.read([&](const Tables& tables) -> Result<void> {
    owed = TRY(tables.alerts.owed(receiver_, at_a_time));
    return ok();
  });
  if (!was_read) return was_read.error();
  std::set<std::string> blocked;  // hosts whose earlier alert was not taken
  for (const auto& delivery : owed) {
    if (stop.stop_requested()) break;
    const Duration now = to_.clock.elapsed();
    const auto trouble = troubles_.find(delivery.alert);
    if (trouble != troubles_.end() && trouble->second.next > now) blocked.insert(delivery.host);
    if (!blocked.contains(delivery.host)) send_one(delivery, now, stop, blocked);
  }
  std::erase_if(troubles_, [&](const auto& item) {
    return std::none_of(owed.begin(), owed.end(),
                        [&](const Delivery& d) { return d.alert == item.first; });
  });
  Duration next = to_.clock.elapsed() + look_again;
  for (const auto& [alert, trouble] : troubles_) next = std::min(next, trouble.next);
  return next;
}

void Deliverer::send_one(const Delivery& delivery, Duration now, const std::stop_token& stop,
                         std::set<std::string>& blocked) {
  auto sent = sender_.send(delivery, stop);
  if (stop.stop_requested() && !sent) return;
  const Time at = to_.clock.now();
  const auto noted = to_.store.commit([&](const Tables& tables) {
    return sent ? tables.alerts.note_taken(delivery, at) : tables.alerts.note_attempt(delivery);
  });
  if (sent && noted) {
    ++to_.metrics.deliveries_taken;
    troubles_.erase(delivery.alert);
    to_.log.info("alert delivered", {{"id", delivery.alert}, {"receiver", receiver_}});
    return;
  }
  blocked.insert(delivery.host);
  auto& trouble = troubles_[delivery.alert];
  trouble.attempts = std::max(trouble.attempts, delivery.attempts) + 1;
  trouble.next = now + delivery_backoff(trouble.attempts);
  if (!sent) ++to_.metrics.deliveries_failed;
  to_.log.warn("alert not delivered, will be tried again",
               {{"id", delivery.alert},
                {"receiver", receiver_},
                {"attempts", trouble.attempts},
                {"error", sent ? noted.error().message() : sent.error().message()}});
}

void Deliverer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto next = deliver_due(stop);
    if (!next) to_.log.error("cannot read what is owed", {{"error", next.error().message()}});
    const Duration wait =
        next ? std::max(*next - to_.clock.elapsed(), Duration{0}) : Duration{1000};
    auto woken = is_woken_.lock();
    woken.wait_until(stop, std::chrono::steady_clock::now() + wait, [&] { return *woken; });
    *woken = false;
  }
}

void Deliverer::wake() {
  *is_woken_.lock() = true;
  is_woken_.notify_all();
}

}  // namespace holdfast::hub
