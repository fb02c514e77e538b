// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/answer.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace holdfast::proxmox {
namespace {

constexpr std::size_t longest_line = 500;

// Looked for in this order; the first that is found decides. There are no codes to go by.
constexpr std::array<std::pair<std::string_view, Errc>, 43> phrases{{
    {"got timeout", Errc::unavailable},  // a lock of somebody else's, for a moment
    {"can't acquire lock", Errc::unavailable},
    {"can't lock file", Errc::unavailable},
    {"is locked (", Errc::conflict},
    {"detected modified configuration", Errc::conflict},
    {"checksum mismatch", Errc::conflict},
    {"permission check failed", Errc::denied},
    {"only root", Errc::denied},
    {"only allowed for root", Errc::denied},
    {"only possible for root", Errc::denied},
    {"protection mode enabled", Errc::denied},
    {"permission denied", Errc::denied},
    {"no space left", Errc::exhausted},
    {"not enough", Errc::exhausted},
    {"out of space", Errc::exhausted},
    {"insufficient", Errc::exhausted},
    {"disk quota exceeded", Errc::exhausted},
    {"cannot allocate memory", Errc::exhausted},
    {"is not online", Errc::unavailable},
    {"is not available on node", Errc::unavailable},
    {"connection refused", Errc::unavailable},
    {"connection timed out", Errc::unavailable},
    {"no quorum", Errc::unavailable},
    {"hostname lookup", Errc::unavailable},
    {"unable to activate storage", Errc::unavailable},
    {"interrupted by signal", Errc::unavailable},
    {"received interrupt", Errc::unavailable},
    {"unexpected status", Errc::unavailable},  // the worker was killed
    {"already exists", Errc::conflict},
    {"already used", Errc::conflict},
    {"already running", Errc::conflict},
    {"not running", Errc::conflict},
    {"is running", Errc::conflict},
    {"no such task", Errc::not_found},
    {"unable to shrink", Errc::invalid},
    {"format error", Errc::invalid},
    {"unable to parse", Errc::invalid},
    {"not available", Errc::invalid},  // a feature that the storage lacks
    {"not supported", Errc::invalid},
    {"unsupported", Errc::invalid},
    {"option conflicts", Errc::invalid},
    {"no options specified", Errc::invalid},
    {"invalid", Errc::invalid},
}};

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// "Parameter verification failed: vmid: invalid format; size: ..."
std::string with_fields(const Json& body, std::string message) {
  const auto errors = body.find("errors");
  if (errors == body.end() || !errors->is_object()) return message;
  for (const auto& [field, why] : errors->items())
    message += "; " + field + ": " + (why.is_string() ? why.get<std::string>() : why.dump());
  return one_line(message);
}

Error refusal(int status, const Json& body) {
  const std::string message = with_fields(body, one_line(text_of(body, "message")));
  const std::string said = "Proxmox answered " + std::to_string(status) +
                           (message.empty() ? std::string{} : ": " + message);
  switch (status) {
    case 401:  // told by an empty body, three seconds late
      return {Errc::unavailable,
              "Proxmox does not accept the API token (401): it is wrong, "
              "expired, or its user is disabled"};
    case 403: return {Errc::denied, said};
    case 400: {
      const Errc kind = kind_of(message);
      const bool is_plain = kind != Errc::denied && kind != Errc::not_found;
      return {is_plain ? Errc::invalid : kind, said};
    }
    case 500: return {kind_of(message), said};
    case 501:
    case 506: return {Errc::internal, said};
    case 595: return {Errc::unavailable, "the node's API daemon does not answer (595)"};
    case 596:  // what was asked for may still be going on
      return {Errc::unavailable, "the node's API daemon answered nothing in time (596)"};
    default: break;
  }
  if (status >= 500) return {Errc::unavailable, said};
  return {Errc::invalid, said + "; expected Proxmox VE's own API, as at https://HOST:8006"};
}

}  // namespace

Errc kind_of(std::string_view text) {
  const std::string said = lower(text);
  const auto has = [&](std::string_view words) { return said.find(words) != std::string::npos; };
  // Of everything else that does not exist (an archive, a storage) this says nothing.
  if (has("does not exist") && (has("configuration file '") || has("snapshot '")))
    return Errc::not_found;
  for (const auto& [words, kind] : phrases)
    if (has(words)) return kind;
  if (has("does not exist")) return Errc::invalid;
  return Errc::internal;
}

std::string one_line(std::string_view text) {
  std::string line{text.substr(0, longest_line)};
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

std::string text_of(const Json& object, const std::string& key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_boolean()) return found->get<bool>() ? "1" : "0";
  return found->is_number() ? found->dump() : std::string{};
}

double number_of(const Json& object, const std::string& key, double otherwise) {
  const std::string text = text_of(object, key);
  if (text.empty()) return otherwise;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size() ? number : otherwise;
}

Result<Json> read_answer(const http::Response& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  if (answer.status != 200)
    return refusal(answer.status,
                   body.is_object() ? body : Json{{"message", one_line(answer.body)}});
  if (!body.is_object() || !body.contains("data"))
    return Error{Errc::unavailable, "this does not answer as Proxmox VE does"};
  return body["data"];
}

}  // namespace holdfast::proxmox
