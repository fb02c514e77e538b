// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/api_table.hpp"

#include <fstream>
#include <stdexcept>

#include "tests/proxmox/value_checks.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

// As the real one numbers them; "mp[n]" of the schema does not say how far.
const std::map<std::string, int, std::less<>> last_index{
    {"net", 31}, {"mp", 255},     {"unused", 255}, {"dev", 255},     {"scsi", 30},
    {"sata", 5}, {"ide", 3},      {"virtio", 15},  {"serial", 3},    {"parallel", 2},
    {"usb", 13}, {"hostpci", 15}, {"numa", 7},     {"ipconfig", 31}, {"virtiofs", 9}};

// Slashes at the ends and double ones do not count.
std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  std::string segment;
  for (const char c : path) {
    if (c != '/') {
      segment += c;
      continue;
    }
    if (!segment.empty()) segments.push_back(std::exchange(segment, {}));
  }
  if (!segment.empty()) segments.push_back(segment);
  return segments;
}

bool is_parameter(const std::string& segment) { return segment.front() == '{'; }

// A volume's id holds slashes and is always last.
bool takes_rest(const std::string& segment) { return segment == "{volume}"; }

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  const bool is_open = !pattern.empty() && takes_rest(pattern.back());
  if (is_open ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (!is_parameter(pattern[i]) && pattern[i] != path[i]) return false;
  return true;
}

Parameters parameters_in(const std::vector<std::string>& pattern,
                         const std::vector<std::string>& path) {
  Parameters found;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i])) continue;
    std::string text = path[i];
    for (std::size_t rest = i + 1; takes_rest(pattern[i]) && rest < path.size(); ++rest)
      text += "/" + path[rest];
    found[pattern[i].substr(1, pattern[i].size() - 2)] = {text};
  }
  return found;
}

}  // namespace

std::string_view to_string(Version version) { return version == Version::v8_4 ? "8.4" : "9.1"; }

const ApiTable& ApiTable::committed() {
  static const ApiTable table{HOLDFAST_PROXMOX_TABLE};
  return table;
}

ApiTable::ApiTable(const std::string& path) {
  std::ifstream file{path};
  std::string line;
  while (std::getline(file, line)) {
    json row = json::parse(line);
    if (row.contains("type")) {
      types_[row["type"].get<int>()] = std::move(row["is"]);
      continue;
    }
    if (!row.contains("path")) continue;
    Endpoint endpoint{row["method"], row["path"], segments_of(row["path"].get<std::string>()), {}};
    for (const auto version : all_versions) {
      const json& facts = row.contains("all") ? row["all"] : row[std::string{to_string(version)}];
      auto& into = endpoint.facts[version];
      into.permissions = facts["perm"];
      into.is_proxied = facts.contains("proxied");
      into.refuses_tokens = facts.contains("no_token");
      for (const auto& [name, type] : facts["required"].items())
        into.required[name] = &types_.at(type.get<int>());
      for (const auto& [name, type] : facts["optional"].items())
        into.optional[name] = &types_.at(type.get<int>());
    }
    endpoints_.push_back(std::move(endpoint));
  }
  if (endpoints_.empty()) throw std::runtime_error{"no table of the API at " + path};
}

const Endpoint* ApiTable::find(std::string_view method, std::string_view path,
                               Parameters& found) const {
  const auto segments = segments_of(path);
  for (const auto& endpoint : endpoints_) {
    if (endpoint.method != method || !fits(endpoint.segments, segments)) continue;
    found.merge(parameters_in(endpoint.segments, segments));
    return &endpoint;
  }
  return nullptr;
}

const json* find_parameter(const EndpointFacts& facts, std::string_view name) {
  for (const auto* kind : {&facts.required, &facts.optional})
    if (const auto found = kind->find(std::string{name}); found != kind->end())
      return found->second;
  const auto digits = name.find_last_not_of("0123456789") + 1;
  const auto index = name.substr(std::min(digits, name.size()));
  const auto last = last_index.find(name.substr(0, digits));
  if (index.empty() || index.size() > 3 || (index.size() > 1 && index.front() == '0'))
    return nullptr;
  if (last == last_index.end() || std::stoi(std::string{index}) > last->second) return nullptr;
  const auto found = facts.optional.find(last->first + "[n]");
  return found == facts.optional.end() ? nullptr : found->second;
}

ParameterErrors check_parameters(const EndpointFacts& facts, const Parameters& parameters) {
  ParameterErrors errors;
  for (const auto& [name, type] : facts.required)
    if (!parameters.contains(name)) errors[name] = "property is missing and it is not optional";
  for (const auto& [name, value] : parameters) {
    const json* type = find_parameter(facts, name);
    if (type == nullptr) {
      errors[name] =
          "property is not defined in schema and the schema does not allow additional properties";
      continue;
    }
    if (value.is_hash && type->value("type", "string") != "array") {
      errors[name] = "type check ('" + type->value("type", "string") + "') failed - got HASH";
      continue;
    }
    if (type->value("type", "string") == "array") continue;
    if (const auto fault = find_fault(*type, value.text)) errors[name] = *fault;
    if (type->contains("requires") && !parameters.contains((*type)["requires"]))
      errors[(*type)["requires"]] = "missing property - '" + name + "' requires this property";
  }
  return errors;
}

}  // namespace holdfast::standin
