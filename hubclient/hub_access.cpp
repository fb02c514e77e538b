// SPDX-License-Identifier: Apache-2.0
#include "hubclient/hub_access.hpp"

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "hubclient/durable_file.hpp"

namespace holdfast {
namespace {

using Json = nlohmann::json;
constexpr std::size_t longest_file = 256 * 1024;

}  // namespace

std::string HubAccess::origin() const { return "hub " + digest_of(ca); }

Result<std::optional<HubAccess>> load_hub_access(const std::string& path) {
  const auto text = TRY(read_file(path, longest_file));
  if (!text) return std::optional<HubAccess>{};
  const auto json = Json::parse(*text, nullptr, false);
  HubAccess access;
  for (const auto& [name, member] : {std::pair{"url", &access.url}, std::pair{"key", &access.key},
                                     std::pair{"ca", &access.ca}}) {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string())
      return Error{Errc::corrupt, path + " does not hold an enrolment (no " + name +
                                      "); remove it and enrol again with a new token"};
    *member = json[name].get<std::string>();
  }
  return std::optional{access};
}

Result<void> save_hub_access(const std::string& path, const HubAccess& access) {
  const Json json{{"url", access.url}, {"key", access.key}, {"ca", access.ca}};
  return replace_file(path, json.dump(2) + "\n", 0600);
}

}  // namespace holdfast
