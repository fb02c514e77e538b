// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "tests/http/tls_fixture.hpp"
#include "tests/proxmox/stand_in.hpp"

namespace holdfast::standin {

struct ShellOptions {
  std::uint16_t port = 0;  // 0: any that is free
  Duration latency{0};     // before each answer, as a line's
  bool is_patient = true;  // waits out the delays that are meant (3 s for a 401)
};

// The stand-in on 127.0.0.1, with the manners of the real server: HTTP/1.1 over TLS, at most 100
// requests a connection, closed after 5 s of silence and after each status from 400 on, no
// chunks, no more than 512 KiB. Also answers GET /stand-in with what happened, for scripts.
class HttpsShell {
 public:
  HttpsShell(StandIn& stand_in, const http::TlsIdentity& identity, ShellOptions options = {});
  ~HttpsShell();
  HttpsShell(const HttpsShell&) = delete;
  HttpsShell& operator=(const HttpsShell&) = delete;

  std::string url() const;
  int connections() const;
  // Bytes of requests and of answers, heads included.
  std::uint64_t bytes_in() const;
  std::uint64_t bytes_out() const;
  // The stand-in is used by connections' threads; others ask for it here.
  void with_stand_in(const std::function<void(StandIn&)>& use);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What GET /stand-in answers: calls, violations, guests, volumes and what they hold.
std::string report_of(StandIn& stand_in);

}  // namespace holdfast::standin
