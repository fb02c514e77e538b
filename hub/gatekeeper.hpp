// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"
#include "hub/rate_limit.hpp"
#include "hub/services.hpp"

namespace holdfast::hub {

// Who is asking, and whether not too often. Thread-safe.
class Gatekeeper {
 public:
  explicit Gatekeeper(const Services& services);

  // Empty: the request is `host`'s own. Otherwise its refusal: 401 without a good key, 403 with
  // another host's, 429 too often. Asks no database.
  std::optional<http::Response> check_host(const http::Request& request, const std::string& host);
  // The operator, or the refusal. Asks the store: not on a network thread.
  Result<Operator> find_operator(const http::Request& request, http::Response& refusal);
  // Enrolment needs no key: by address alone.
  std::optional<http::Response> check_enrolment(const http::Request& request);
  // How large a body is read of somebody whose key was not looked up in the store: 0, when no
  // larger one than anybody's.
  std::uint64_t body_limit(const http::Request& head) const;

 private:
  http::Response refuse_unknown(const http::Request& request);
  http::Response refuse_often();

  Services to_;
  RateLimit hosts_;
  RateLimit operators_;
  RateLimit failures_;    // by address
  RateLimit enrolments_;  // by address
};

// "/v1/hosts/{hostId}/{verb}"
struct HostPath {
  std::string_view host{};
  std::string_view verb{};
};
// Parts of `path`; empty ones when it has another form.
HostPath host_path(std::string_view path);

}  // namespace holdfast::hub
