// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/environment.hpp"
#include "http/https_client.hpp"
#include "schema/hub_report.hpp"

namespace holdfast::cli {

// How to reach a hub as its operator.
struct HubLogin {
  std::string url{};
  std::string key{};
  std::string ca{};  // PEM; empty: the system's
};

// HOLDFAST_HUB_URL, HOLDFAST_HUB_KEY and HOLDFAST_HUB_CA (a PEM file), each over what the file
// says: HOLDFAST_HUB_CONFIG, or hub.json in ~/.config/holdfast. Errc::not_found with what to
// do when nothing names a hub; invalid when the file is none, denied when others may read it.
Result<HubLogin> find_hub_login(const Environment& environment);

// A hub, typed; one exchange per call. Errors are the hub's own, by kind and message;
// Errc::unavailable when it cannot be reached, denied when it is not the one it should be.
class HubClient {
 public:
  static Result<HubClient> open(const Environment& environment);

  Result<std::vector<HubHostReport>> hosts();
  Result<HubHostReport> host(const std::string& name);
  Result<void> remove(const std::string& name);

  struct Edit {
    std::string host{};
    std::string comment{};
    bool is_dry_run = false;
  };
  Result<HubApplyReport> apply(const Edit& edit, const std::string& text, bool is_pruning);
  Result<HubApplyReport> roll_back(const Edit& edit, std::uint64_t generation);
  Result<std::vector<GenerationReport>> history(const std::string& host, std::size_t limit);
  Result<GenerationReport> generation(const std::string& host, std::uint64_t number);
  Result<DiffReport> diff(const std::string& host, std::uint64_t from, std::uint64_t to);

  Result<HubJobReport> put_job(const std::string& host, const std::string& envelope);
  Result<std::vector<HubJobReport>> jobs(const std::string& host, std::size_t limit);
  Result<EnrollTokenReport> enroll_token();

  Result<std::vector<AlertReport>> alerts(std::size_t limit, bool only_holding);
  Result<std::vector<SilenceReport>> silences();
  struct NewSilence {
    std::string host{};
    std::string alert{};
    std::string time{};
    std::string reason{};
  };
  Result<SilenceReport> silence(const NewSilence& silence);
  Result<SilenceReport> end_silence(const std::string& id);

 private:
  using Query = std::map<std::string, std::string>;
  explicit HubClient(std::unique_ptr<http::HttpsClient> client) : client_{std::move(client)} {}
  Result<std::string> ask(const std::string& method, const std::string& path, Query query = {},
                          std::string body = {});

  std::unique_ptr<http::HttpsClient> client_;
};

}  // namespace holdfast::cli
