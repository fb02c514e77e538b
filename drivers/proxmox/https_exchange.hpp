// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "drivers/proxmox/client.hpp"

namespace holdfast::proxmox {

struct Access {
  std::string url{};                        // https://HOST:8006
  std::string token{};                      // USER@REALM!NAME=SECRET
  std::string ca_pem{};                     // the CAs that are believed, or
  std::vector<std::string> fingerprints{};  // SHA-256 of the certificate, 32 bytes each
};

// "CD:9E:..." or hex without colons to the 32 bytes. Errc::invalid otherwise.
Result<std::string> parse_fingerprint(const std::string& text);
// "USER@REALM!NAME" of a token. Errc::invalid when it is none.
Result<std::string> token_user(const std::string& token);

// The real thing, over a few connections that are kept for a moment. Thread-safe.
class HttpsExchange final : public Exchange {
 public:
  // Errc::invalid as HttpsClient::open(), or when the token is none.
  static Result<std::unique_ptr<HttpsExchange>> open(Access access);
  Result<http::Response> request(const http::Request& request,
                                 const http::Patience& patience) override;

 private:
  explicit HttpsExchange(Access access) : access_{std::move(access)} {}
  Result<std::unique_ptr<http::HttpsClient>> connect() const;

  const Access access_;
  Guarded<std::vector<std::unique_ptr<http::HttpsClient>>> idle_{};
};

}  // namespace holdfast::proxmox
