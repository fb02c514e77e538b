// SPDX-License-Identifier: Apache-2.0
#include "hub/answers.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace holdfast::hub {

http::Response refusal(int status, std::string_view kind, const std::string& message) {
  const nlohmann::json body = {{"error", {{"kind", kind}, {"message", message}}}};
  return {.status = status,
          .content_type = "application/json",
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          .headers = {}};
}

http::Response answer(const Error& error) {
  return refusal(http::status_of(error.code()), http::word_of(error.code()), error.message());
}

http::Response answer(Result<std::string> body) {
  if (!body) return answer(body.error());
  return {.status = 200,
          .content_type = "application/json",
          .body = std::move(body).value(),
          .headers = {}};
}

http::Response unauthorized(const std::string& message) {
  auto response = refusal(401, "denied", message);
  response.headers["WWW-Authenticate"] = "Bearer";
  return response;
}

http::Response too_many_requests() {
  auto response = refusal(429, "unavailable", "too many requests; wait a little");
  response.headers["Retry-After"] = "1";
  return response;
}

std::string bearer_of(const http::Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  const auto found = request.headers.find("Authorization");
  if (found == request.headers.end() || !found->second.starts_with(scheme)) return {};
  return found->second.substr(scheme.size());
}

}  // namespace holdfast::hub
