// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "http/https_client.hpp"
#include "hubclient/enrolment_key.hpp"
#include "hubclient/hub_access.hpp"
#include "hubclient/hub_channel.hpp"
#include "schema/limits.hpp"

namespace holdfast {

// The hub over HTTPS. Not thread-safe: each thread opens its own.
class HttpsHub final : public HubChannel {
 public:
  // An answer of more than `largest_answer` bytes is refused while it arrives. Errc::invalid
  // when the access cannot be used.
  static Result<std::unique_ptr<HttpsHub>> open(
      const HubAccess& access, const std::string& host_id,
      std::size_t largest_answer = limits::document_bytes);

  Result<SyncResponse> sync(const SyncRequest& request, Duration wait,
                            const std::stop_token& stop) override;
  Result<HeartbeatResponse> beat(const Heartbeat& heartbeat, const std::stop_token& stop) override;

 private:
  HttpsHub(std::unique_ptr<http::HttpsClient> client, std::string path)
      : client_{std::move(client)}, path_{std::move(path)} {}
  std::unique_ptr<http::HttpsClient> client_;
  std::string path_;  // /v1/hosts/ID
};

struct EnrolmentOrder {
  std::string url{};
  std::string token{};  // hf1.TOKEN.PIN
  std::string host_id{};
  std::string hostname{};
  std::string version{};
};

// Spends the token. The connection is believed for the key that the token pins; the hub's
// answer gives the CA for all later ones. Errc::denied when the hub refuses the token or is
// another one; invalid for a bad token, URL or answer.
Result<HubAccess> enroll(const EnrolmentOrder& order, const EnrolmentKey& key,
                         const std::stop_token& stop);

}  // namespace holdfast
