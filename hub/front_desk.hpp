// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "http/handler_threads.hpp"
#include "http/server.hpp"
#include "hub/enrolment.hpp"
#include "hub/gatekeeper.hpp"
#include "hub/operator_desk.hpp"
#include "hub/operator_routes.hpp"
#include "hub/sync_desk.hpp"

namespace holdfast::hub {

// Every request comes here, on a network thread: heartbeats are taken at once, all else is
// handed to threads that may wait for the disk. Thread-safe.
class FrontDesk {
 public:
  struct Desks {
    SyncDesk& polls;
    OperatorApi operators;
    Credentials credentials{};
    std::function<bool()> is_watching{};
  };
  FrontDesk(const Services& services, Desks desks)
      : to_{services}, desks_{std::move(desks)}, gatekeeper_{services} {}

  void take(http::Request request, http::Responder responder);
  std::uint64_t body_limit(const http::Request& head) const { return gatekeeper_.body_limit(head); }

 private:
  using Work = std::function<void(http::Request& request, http::Responder& responder)>;
  static void run(http::HandlerThreads& threads, http::Request request, http::Responder responder,
                  Work work);
  http::Response health() const;
  http::Response enroll_host(const http::Request& request);
  http::Response ask_operator_desk(const http::Request& request);

  Services to_;
  Desks desks_;
  Gatekeeper gatekeeper_;
  // Apart, so that neither waits for the other.
  http::HandlerThreads for_hosts_{16};
  http::HandlerThreads for_operators_{8};
};

}  // namespace holdfast::hub
