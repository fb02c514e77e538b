// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "drivers/proxmox/answer.hpp"
#include "http/https_client.hpp"

namespace holdfast::proxmox {

// One request to the API and its answer. Thread-safe. Any status is a success here; errors as
// http::HttpsClient::request().
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Result<http::Response> request(const http::Request& request,
                                         const http::Patience& patience) = 0;
};

using Query = std::map<std::string, std::string>;
// Parameters of a change, in the order they are sent.
using Form = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=x%3By": both '&' and ';' separate pairs for Proxmox, and '+' is a space.
std::string to_form(const Form& form);

// The API's four methods, with bodies and queries where it wants them. Paths go behind
// /api2/json. Thread-safe.
class Client {
 public:
  // `exchange` outlives it.
  explicit Client(Exchange& exchange, Duration deadline)
      : exchange_{exchange}, deadline_{deadline} {}

  Result<Json> get(const std::string& path, const Query& query = {}) const;
  Result<Json> post(const std::string& path, const Form& form) const;
  Result<Json> put(const std::string& path, const Form& form) const;
  Result<Json> remove(const std::string& path, const Query& query) const;

 private:
  Result<Json> send(const http::Request& request) const;

  Exchange& exchange_;
  Duration deadline_;
};

}  // namespace holdfast::proxmox
