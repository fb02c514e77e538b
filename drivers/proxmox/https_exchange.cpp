// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/https_exchange.hpp"

#include <utility>

namespace holdfast::proxmox {
namespace {

constexpr std::uint64_t largest_answer = 32ULL * 1024 * 1024;
constexpr Duration idle_limit{3'000};  // pveproxy closes without a word after 5 s

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::string> parse_fingerprint(const std::string& text) {
  std::string digits;
  for (const char c : text)
    if (c != ':') digits += c;
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = hex(digits[i]);
    const int low = hex(digits[i + 1]);
    if (high < 0 || low < 0) break;
    bytes += static_cast<char>(high * 16 + low);
  }
  if (digits.size() == 64 && bytes.size() == 32) return bytes;
  return Error{Errc::invalid, "'" + text +
                                  "' is no SHA-256 fingerprint: 32 pairs of hex digits, as "
                                  "'pvenode cert info' shows them"};
}

Result<std::string> token_user(const std::string& token) {
  const auto at = token.find('@');
  const auto bang = token.find('!');
  const auto equals = token.find('=');
  const bool has_form = at != std::string::npos && bang != std::string::npos &&
                        equals != std::string::npos && at > 0 && at < bang && bang < equals &&
                        equals + 1 < token.size() &&
                        token.find_first_of(" \t\r\n") == std::string::npos;
  if (has_form) return token.substr(0, equals);
  return Error{Errc::invalid, "not an API token: expected USER@REALM!NAME=SECRET in one line"};
}

Result<std::unique_ptr<http::HttpsClient>> HttpsExchange::connect() const {
  http::HttpsOptions options;
  options.url = access_.url;
  options.ca_pem = access_.ca_pem;
  options.certificate_pins = access_.fingerprints;
  options.max_body = largest_answer;
  options.idle_limit = idle_limit;
  options.changes_on_fresh_connections = true;
  return http::HttpsClient::open(std::move(options));
}

Result<std::unique_ptr<HttpsExchange>> HttpsExchange::open(Access access) {
  TRY(token_user(access.token));
  std::unique_ptr<HttpsExchange> exchange{new HttpsExchange{std::move(access)}};
  exchange->idle_.lock()->push_back(TRY(exchange->connect()));
  return exchange;
}

Result<http::Response> HttpsExchange::request(const http::Request& request,
                                              const http::Patience& patience) {
  std::unique_ptr<http::HttpsClient> client;
  {
    auto idle = idle_.lock();
    if (!idle->empty()) {
      client = std::move(idle->back());
      idle->pop_back();
    }
  }
  if (!client) client = TRY(connect());
  http::Request whole = request;
  whole.headers["Authorization"] = "PVEAPIToken=" + access_.token;
  auto answer = client->request(whole, patience);
  idle_.lock()->push_back(std::move(client));
  return answer;
}

}  // namespace holdfast::proxmox
