// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/value_checks.hpp"

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <regex>

namespace holdfast::standin {
namespace {

using nlohmann::json;

const std::string ipv4 = R"((?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d))";
const std::string ipv6 = R"([0-9a-fA-F:]*:[0-9a-fA-F:.]*)";
const std::string host_name =
    R"((?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?)\.)*[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?)";

struct Format {
  std::string pattern{};
  std::string refusal{};  // "%" stands for the value
};

// Formats that are one pattern. Those not named here or below are not checked; README.md has
// the list.
const std::map<std::string, Format>& simple_formats() {
  static const std::map<std::string, Format> formats{
      {"pve-vmid", {"[1-9][0-9]{2,8}", "value does not look like a valid VM ID"}},
      {"pve-node",
       {"[a-zA-Z0-9](?:[a-zA-Z0-9\\-]*[a-zA-Z0-9])?",
        "value does not look like a valid node name"}},
      {"pve-storage-id",
       {"[a-zA-Z][a-zA-Z0-9\\-_.]*[a-zA-Z0-9]", "storage ID '%' contains illegal characters"}},
      {"pve-configid", {"[a-zA-Z][a-zA-Z0-9_\\-]+", "invalid configuration ID '%'"}},
      {"pve-poolid",
       {"[A-Za-z0-9.\\-_]+(?:/[A-Za-z0-9.\\-_]+){0,2}", "value '%' is not a valid pool name"}},
      {"dns-name", {host_name, "value does not look like a valid DNS name"}},
      {"pve-tag", {"[a-zA-Z0-9_][a-zA-Z0-9_\\-+.]*", "invalid characters in tag"}},
      {"pve-volume-id",
       {"[a-zA-Z][a-zA-Z0-9\\-_.]*[a-zA-Z0-9]:.+", "unable to parse volume ID '%'"}},
      {"pve-volume-id-or-qm-path",
       {"none|cdrom|/.*|[a-zA-Z][a-zA-Z0-9\\-_.]*[a-zA-Z0-9]:.+", "unable to parse volume ID '%'"}},
      {"pve-volume-id-or-absolute-path",
       {"/.*|[a-zA-Z][a-zA-Z0-9\\-_.]*[a-zA-Z0-9]:.+", "unable to parse volume ID '%'"}},
      {"disk-size", {"\\d+(?:\\.\\d+)?[KMGT]?", "value does not look like a valid disk size"}},
      {"mac-addr",
       {"[a-fA-F0-9][02468aceACE](?::[a-fA-F0-9]{2}){5}",
        "value does not look like a valid unicast MAC address"}},
      {"ipv4", {ipv4, "value does not look like a valid IPv4 address"}},
      {"ipv6", {ipv6, "value does not look like a valid IPv6 address"}},
      {"address",
       {ipv4 + "|" + ipv6 + "|" + host_name, "value does not look like a valid address"}},
      {"pve-ipv4-config",
       {"dhcp|manual|" + ipv4 + "/\\d{1,2}",
        "value does not look like a valid IPv4 network configuration"}},
      {"pve-ipv6-config",
       {"auto|dhcp|manual|" + ipv6 + "/\\d{1,3}",
        "value does not look like a valid IPv6 network configuration"}},
      {"pve-bridge-id", {"[-_.\\w]+", "invalid bridge ID '%'"}},
      {"urlencoded", {"[-%a-zA-Z0-9_.!~*'()]*", "value is not url-encoded"}},
      {"pve-storage-content",
       {"images|rootdir|vztmpl|iso|backup|snippets|none|import", "invalid content type '%'"}},
      {"pve-task-status-type", {"ok|error|warning|unknown", "invalid status '%'"}},
      {"pve-startup-order",
       {"(?:(?:order|up|down)=\\d+|\\d+)(?:,(?:(?:order|up|down)=\\d+|\\d+))*",
        "unable to parse startup options"}},
      {"lxc-ip-with-ll-iface",
       {ipv4 + "|" + ipv6 + "(?:%\\w+)?", "value does not look like a valid IP address"}},
  };
  return formats;
}

// Property strings whose schema only names the format.
const std::map<std::string, json>& property_formats() {
  static const json count = {{"type", "integer"}, {"minimum", 0}, {"optional", 1}};
  static const json text = {{"type", "string"}, {"optional", 1}};
  static const json address = {{"type", "string"}, {"format", "pve-ipv4-config"}, {"optional", 1}};
  static const std::map<std::string, json> formats{
      {"prune-backups",
       {{"keep-all", {{"type", "boolean"}, {"optional", 1}}},
        {"keep-last", count},
        {"keep-hourly", count},
        {"keep-daily", count},
        {"keep-weekly", count},
        {"keep-monthly", count},
        {"keep-yearly", count}}},
      {"pve-qm-ipconfig", {{"ip", address}, {"gw", text}, {"ip6", text}, {"gw6", text}}},
      {"pve-qm-boot",
       {{"legacy", {{"type", "string"}, {"default_key", 1}, {"optional", 1}}}, {"order", text}}},
  };
  return formats;
}

std::string filled(std::string refusal, const std::string& value) {
  const auto at = refusal.find('%');
  if (at != std::string::npos) refusal.replace(at, 1, value);
  return refusal;
}

bool has_dots(const std::string& path) {
  return matches(R"((?:.*/\.\.?/.*)|(?:.*/\.\.?)|(?:\.\.?/.*))", path);
}

std::optional<std::string> fault_of_format(const std::string& format, const std::string& text) {
  if (format.ends_with("-list") && !property_formats().contains(format)) {
    const std::string each = format.substr(0, format.size() - 5);
    for (const auto& item : split_list(text))
      if (auto fault = fault_of_format(each, item)) return fault;
    return {};
  }
  if (format == "pve-lxc-mp-string")
    return has_dots(text) ? std::optional<std::string>{"illegal mount point path"} : std::nullopt;
  if (const auto strings = property_formats().find(format); strings != property_formats().end()) {
    std::optional<std::string> fault;
    split_properties(strings->second, text, fault);
    return fault;
  }
  const auto simple = simple_formats().find(format);
  if (simple == simple_formats().end() || matches(simple->second.pattern, text)) return {};
  return filled(simple->second.refusal, text);
}

std::optional<double> as_number(const std::string& text) {
  if (!matches(R"([+-]?\d+(?:\.\d+)?)", text)) return {};
  return std::strtod(text.c_str(), nullptr);
}

std::string joined(const json& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text;
}

std::optional<std::string> fault_of_type(const std::string& type, const std::string& text) {
  const bool fits = type == "integer"   ? matches(R"([+-]?\d+)", text)
                    : type == "number"  ? as_number(text).has_value()
                    : type == "boolean" ? text == "0" || text == "1"
                                        : true;
  if (fits) return {};
  return "type check ('" + type + "') failed - got '" + text + "'";
}

std::optional<std::string> fault_of_range(const json& facts, const std::string& text) {
  const auto number = as_number(text);
  if (!number) return {};
  if (facts.contains("maximum") && *number > facts["maximum"].get<double>())
    return "value must have a maximum value of " + facts["maximum"].dump();
  if (facts.contains("minimum") && *number < facts["minimum"].get<double>())
    return "value must have a minimum value of " + facts["minimum"].dump();
  return {};
}

// How many characters, not bytes.
std::size_t length_of(const std::string& text) {
  std::size_t length = 0;
  for (const char byte : text) length += (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  return length;
}

std::optional<std::string> fault_of_text(const json& facts, const std::string& text) {
  if (facts.contains("maxLength") && length_of(text) > facts["maxLength"])
    return "value may only be " + facts["maxLength"].dump() + " characters long";
  if (facts.contains("minLength") && length_of(text) < facts["minLength"])
    return "value must be at least " + facts["minLength"].dump() + " characters long";
  return {};
}

// One "key=value", or a value for the default key, put where it belongs.
std::optional<std::string> take_part(const json& format, const std::string& part,
                                     Properties& into) {
  const auto equals = part.find('=');
  std::string key = part.substr(0, std::min(equals, part.size()));
  std::string value = equals == std::string::npos ? part : part.substr(equals + 1);
  if (equals == std::string::npos) {
    key.clear();
    for (const auto& [name, sub] : format.items())
      if (sub.contains("default_key")) key = name;
    if (key.empty()) return "value without key, but schema does not define a default key";
  }
  if (!format.contains(key))
    return "format error\n" + key +
           ": property is not defined in schema and the schema does not allow additional "
           "properties";
  const json& facts = format[key];
  if (facts.contains("keyAlias")) into[facts["keyAlias"]] = key;
  if (facts.contains("alias")) key = facts["alias"];
  if (!into.emplace(key, value).second)
    return "duplicate key in comma-separated list property: " + key;
  return {};
}

}  // namespace

bool matches(const std::string& pattern, const std::string& text) {
  static std::mutex guard;
  static std::map<std::string, std::regex> compiled;
  const std::lock_guard lock{guard};
  auto found = compiled.find(pattern);
  if (found == compiled.end()) {
    std::string plain = pattern;
    for (auto at = plain.find("(?^:"); at != std::string::npos; at = plain.find("(?^:", at))
      plain.erase(at + 2, 1);
    found = compiled.emplace(pattern, std::regex{plain, std::regex::ECMAScript}).first;
  }
  return std::regex_match(text, found->second);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  for (const char c : text) {
    if (c != ',' && c != ';' && c != ' ' && c != '\0') {
      item += c;
      continue;
    }
    if (!item.empty()) items.push_back(std::exchange(item, {}));
  }
  if (!item.empty()) items.push_back(item);
  return items;
}

Properties split_properties(const json& format, const std::string& text,
                            std::optional<std::string>& fault) {
  Properties into;
  std::size_t at = 0;
  while (at <= text.size() && !fault) {
    const auto end = std::min(text.find(',', at), text.size());
    if (end > at) fault = take_part(format, text.substr(at, end - at), into);
    at = end + 1;
  }
  for (const auto& [name, sub] : format.items()) {
    if (fault) break;
    if (sub.contains("alias")) continue;
    const auto given = into.find(name);
    if (given == into.end()) {
      if (!sub.contains("optional"))
        fault = "format error\n" + name + ": property is missing and it is not optional";
      continue;
    }
    if (const auto wrong = find_fault(sub, given->second))
      fault = "format error\n" + name + ": " + *wrong;
  }
  return into;
}

std::optional<std::string> find_fault(const json& facts, const std::string& text) {
  const std::string type = facts.value("type", "string");
  if (const auto fault = fault_of_type(type, text)) return fault;
  if (const auto fault = fault_of_text(facts, text)) return fault;
  if (facts.contains("pattern") && !matches(facts["pattern"], text))
    return "value does not match the regex pattern";
  if (facts.contains("format")) {
    std::optional<std::string> fault;
    if (facts["format"].is_object())
      split_properties(facts["format"], text, fault);
    else
      fault = fault_of_format(facts["format"], text);
    if (fault) return "invalid format - " + *fault + "\n";
  }
  if (type == "integer" || type == "number")
    if (const auto fault = fault_of_range(facts, text)) return fault;
  if (facts.contains("enum")) {
    for (const auto& name : facts["enum"])
      if (name == text) return {};
    return "value '" + text + "' does not have a value in the enumeration '" +
           joined(facts["enum"]) + "'";
  }
  return {};
}

}  // namespace holdfast::standin
