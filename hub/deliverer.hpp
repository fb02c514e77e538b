// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "hub/services.hpp"

namespace holdfast::hub {

// How a delivery is sent. Errc::unavailable: it was not taken, for whatever reason.
class Sender {
 public:
  virtual ~Sender() = default;
  virtual Result<void> send(const Delivery& delivery, const std::stop_token& stop) = 0;
};

// POST, with the alert's id as Idempotency-Key; taken is a status from 200 to 299. Thread-safe.
class HttpSender final : public Sender {
 public:
  Result<void> send(const Delivery& delivery, const std::stop_token& stop) override;
};

// What one receiver is owed, sent in order for each host until it is taken. What was taken is
// noted in the store afterwards: killed in between, the same bytes go out once more, under the
// same id. Another thread may call wake().
class Deliverer {
 public:
  Deliverer(const Services& services, std::string receiver, Sender& sender)
      : to_{services}, receiver_{std::move(receiver)}, sender_{sender} {}

  // Tries everything that is due. When to come again, on the hub's clock.
  Result<Duration> deliver_due(const std::stop_token& stop);
  // deliver_due() whenever something is due or wake() was called.
  void run(const std::stop_token& stop);
  void wake();

 private:
  struct Trouble {
    std::uint32_t attempts = 0;
    Duration next{};
  };
  void send_one(const Delivery& delivery, Duration now, const std::stop_token& stop,
                std::set<std::string>& blocked);

  Services to_;
  std::string receiver_;
  Sender& sender_;
  std::map<std::string, Trouble> troubles_{};  // by alert
  Guarded<bool> is_woken_{};
};

// 1 s, twice as long each time, to 5 min.
Duration delivery_backoff(std::uint32_t attempts);

}  // namespace holdfast::hub
