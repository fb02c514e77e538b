// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::http {

struct ClientOptions {
  std::string socket_path{};
  Duration deadline{30'000};                 // for the whole exchange
  std::uint64_t max_body = 8 * 1024 * 1024;  // bytes of the answer
};

// Sends `request` and waits for the answer; any status is a success here. Thread-safe.
//   unavailable  nobody listens ("cannot reach holdfastd at PATH: is it running?"),
//                the deadline passed, or the connection broke
//   denied       the socket may not be opened by this user
//   invalid      the answer is larger than `max_body`, or the request cannot be sent
Result<Response> request(const ClientOptions& options, const Request& request);

}  // namespace holdfast::http
