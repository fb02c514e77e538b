// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace holdfast::standin {

enum class Version { v8_4, v9_1 };
inline constexpr std::array all_versions{Version::v8_4, Version::v9_1};
std::string_view to_string(Version version);  // "8.4"

// One parameter as it arrived, decoded. JSON's scalars have become text, as in Perl.
struct Value {
  std::string text{};
  bool is_hash = false;  // a nested JSON object or array where a scalar belongs
};
using Parameters = std::map<std::string, Value>;
// Parameter name -> what is wrong with it, in the words of the real one.
using ParameterErrors = std::map<std::string, std::string>;

// What one version asks of one endpoint.
struct EndpointFacts {
  nlohmann::json permissions{};
  bool is_proxied = false;  // the node's name is looked up before anything else
  bool refuses_tokens = false;
  std::map<std::string, const nlohmann::json*> required{};
  std::map<std::string, const nlohmann::json*> optional{};
};

struct Endpoint {
  std::string method{};
  std::string path{};  // "/nodes/{node}/lxc"
  std::vector<std::string> segments{};
  std::map<Version, EndpointFacts> facts{};

  const EndpointFacts& in(Version version) const { return facts.at(version); }
};

// api_table.jsonl: which requests the real one refuses, derived from its schemas by
// tools/derive_proxmox_table.py.
class ApiTable {
 public:
  // The committed one; read once. Throws std::runtime_error when it is not there.
  static const ApiTable& committed();
  explicit ApiTable(const std::string& path);
  ApiTable(const ApiTable&) = delete;
  ApiTable& operator=(const ApiTable&) = delete;

  // Null: no such path, or not with this method. Adds the path's parameters to `found`.
  // `path` is decoded and begins behind /api2/json.
  const Endpoint* find(std::string_view method, std::string_view path, Parameters& found) const;
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }

 private:
  std::map<int, nlohmann::json> types_{};
  std::vector<Endpoint> endpoints_{};
};

// The parameter's facts, "net3" being one of "net[n]". Null: not defined.
const nlohmann::json* find_parameter(const EndpointFacts& facts, std::string_view name);

// Everything the schema says against these parameters; empty: nothing.
ParameterErrors check_parameters(const EndpointFacts& facts, const Parameters& parameters);

}  // namespace holdfast::standin
