// SPDX-License-Identifier: Apache-2.0
#include "cli/answer_error.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace holdfast::cli {
namespace {

using Json = nlohmann::json;

constexpr std::array kinds{Errc::invalid,     Errc::not_found, Errc::conflict, Errc::denied,
                           Errc::unavailable, Errc::exhausted, Errc::corrupt,  Errc::internal};

// As the daemon writes it: "not_found".
std::string kind_of(Errc code) {
  std::string kind{to_string(code)};
  std::replace(kind.begin(), kind.end(), ' ', '_');
  return kind;
}

// For a kind that this program does not know yet.
Errc code_of(int status) {
  switch (status) {
    case 400:
    case 405:
    case 413: return Errc::invalid;
    case 403: return Errc::denied;
    case 404: return Errc::not_found;
    case 409: return Errc::conflict;
    case 503: return Errc::unavailable;
    case 507: return Errc::exhausted;
    default: return Errc::internal;
  }
}

}  // namespace

Error error_of(const http::Response& response, const std::string& who) {
  const auto body = Json::parse(response.body, nullptr, false);
  const auto error = body.is_object() ? body.value("error", Json::object()) : Json::object();
  if (error.is_object() && error.contains("message") && error["message"].is_string()) {
    const auto message = error["message"].get<std::string>();
    for (const Errc code : kinds)
      if (error.contains("kind") && error["kind"] == kind_of(code)) return Error{code, message};
    return Error{code_of(response.status), message};
  }
  return Error{code_of(response.status),
               who + " answered with HTTP status " + std::to_string(response.status)};
}

Result<std::string> path_part(const std::string& name) {
  if (!name.empty() && name.find('/') == std::string::npos && name != "." && name != "..")
    return "/" + name;
  return Error{Errc::invalid, "found \"" + name + "\", expected a name"};
}

}  // namespace holdfast::cli
