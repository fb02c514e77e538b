// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "http/message.hpp"
#include "http/server.hpp"
#include "hub/services.hpp"

namespace holdfast::hub {

// POST /v1/hosts/{hostId}/sync: stores what hosts say, and parks their polls until there is
// something new for them. Thread-safe. docs/design/hub-protocol.md is the contract.
class SyncDesk {
 public:
  explicit SyncDesk(const Services& services) : to_{services} {}

  // Of a host whose key was checked. Waits for the disk: not on a network thread.
  void sync(const std::string& host, const http::Request& request, http::Responder responder);
  // Something new for the host is stored and known: a poll of its is answered at once.
  void wake(const std::string& host);
  // Answers the polls whose time is up.
  void answer_overdue();
  // Answers every poll, and parks no more.
  void close();

 private:
  struct Turn;
  struct News;
  Result<void> take(const std::string& host, const SyncRequest& said, Turn& turn);
  Result<void> store_said(const std::string& host, const SyncRequest& said);
  http::Response nothing_new() const;
  Result<News> news_for(const std::string& host);
  std::vector<JobEnvelope> send_news(const std::string& host, News& news);
  void answer(const std::string& host, http::Responder responder,
              std::vector<std::string> acknowledged);

  Services to_;
  std::atomic<bool> is_closed_{false};
};

// The seconds of `Prefer: wait=N` (RFC 7240), 0 to 55; 0 without one.
Duration wait_of(const http::Request& request);

}  // namespace holdfast::hub
