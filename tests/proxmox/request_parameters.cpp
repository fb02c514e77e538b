// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/request_parameters.hpp"

#include <algorithm>

namespace holdfast::standin {
namespace {

using nlohmann::json;

constexpr std::size_t max_body = 512 * 1024;  // bytes

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) { return decode_percent(text, true); }

Value to_value(const json& value) {
  if (value.is_object() || value.is_array()) return {"", true};
  if (value.is_string()) return {value.get<std::string>()};
  if (value.is_boolean()) return {value.get<bool>() ? "1" : "0"};
  return {value.is_null() ? "" : value.dump()};
}

Parameters decode_json(const std::string& body) {
  const json document = json::parse(body, nullptr, false);
  if (!document.is_object())
    throw Refusal{
        500, "malformed JSON string, neither tag, array, object, number, string or atom", {}};
  Parameters parameters;
  for (const auto& [name, value] : document.items())
    if (!value.is_null()) parameters[name] = to_value(value);
  return parameters;
}

std::string filled(std::string text, const Call& call) {
  for (auto open = text.find('{'); open != std::string::npos; open = text.find('{')) {
    const auto close = text.find('}', open);
    text.replace(open, close - open + 1, call.text(text.substr(open + 1, close - open - 1)));
  }
  return text;
}

// The refusal of one check; nothing: it passes.
std::optional<Refusal> refused(const json& check, const Call& call) {
  const std::string kind = check[0];
  if (kind == "perm") {
    const auto path = filled(check[1], call);
    const std::vector<std::string> privileges = check[2];
    const bool is_any = check.size() > 3 && check[3] == "any";
    try {
      if (is_any) call.require_any(path, privileges);
      for (const auto& privilege : privileges)
        if (!is_any) call.require(path, privilege);
    } catch (Refusal& refusal) {
      return refusal;
    }
    return {};
  }
  std::optional<Refusal> last;
  for (std::size_t i = 1; i < check.size(); ++i) {
    last = refused(check[i], call);
    if (last.has_value() == (kind == "and")) return last;
  }
  return last;
}

}  // namespace

std::string decode_percent(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Parameters decode_form(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find_first_of("&;"));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(pair.substr(0, equals));
    auto value = pair.substr(std::min(equals + 1, pair.size()));
    value = value.substr(0, value.find('='));
    const auto [at, is_new] = parameters.emplace(name, Value{decoded(value)});
    if (!is_new) at->second.text += std::string(1, '\0') + decoded(value);
  }
  return parameters;
}

Parameters parameters_of(const http::Request& request) {
  Parameters parameters;
  for (const auto& [name, value] : request.query) parameters[name] = {value};
  if (request.body.empty()) return parameters;
  if (request.method != "POST" && request.method != "PUT")
    throw Refusal{501, "Unexpected content for method '" + request.method + "'", {}};
  if (request.body.size() > max_body) throw Refusal{501, "for data too large", {}};
  const auto header = request.headers.find("Content-Type");
  const std::string type = header == request.headers.end() ? "" : header->second;
  const std::string media = type.substr(0, type.find_first_of("; "));
  Parameters body;
  if (media == "application/json")
    body = decode_json(request.body);
  else if (media.empty() || media == "application/x-www-form-urlencoded")
    body = decode_form(request.body);
  else
    throw Refusal{506, "upload 'Content-Type '" + type + "' not implemented", {}};
  parameters.merge(body);
  return parameters;
}

void require_permission(const json& permissions, const Call& call) {
  if (!permissions.contains("check")) return;  // user=all: the handler judges
  if (const auto refusal = refused(permissions["check"], call)) throw *refusal;
}

}  // namespace holdfast::standin
