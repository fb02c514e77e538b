// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::http {

struct OutboundOptions {
  Duration deadline{10'000};  // for the whole exchange
  std::uint64_t max_body = 64 * 1024;
  std::stop_token stop{};  // heeded at once
};

// Sends `request` to the very URL that whoever runs this program named: a webhook, a watcher.
// http or https with the system's CAs, a connection for each; its path and query are the URL's,
// not the request's. Redirects are not followed. Any status is a success here; errors as
// HttpsClient::request(). Thread-safe.
Result<Response> send_to(const std::string& url, const Request& request,
                         const OutboundOptions& options = {});

}  // namespace holdfast::http
