// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace holdfast::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 3986 "unreserved", and what a caller wants to keep besides.
std::string encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view{"-._~"}.find(c) != std::string_view::npos ||
                       keep.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 0xf];
  }
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
  return -1;
}

// What the two digits at the start of `text` stand for.
std::optional<char> hex_byte(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const int high = hex_value(text[0]);
  const int low = hex_value(text[1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto byte = hex_byte(text.substr(i + 1));
    if (!byte) return Error{Errc::invalid, "bad percent-encoding in the target"};
    // Both would let two different paths look the same, or one end early.
    if (*byte == '\0' || (*byte == '/' && !plus_is_space))
      return Error{Errc::invalid, "encoded NUL or slash in the target"};
    out += *byte;
    i += 2;
  }
  return out;
}

}  // namespace

bool HeaderLess::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid: return 400;
    case Errc::denied: return 403;
    case Errc::not_found: return 404;
    case Errc::conflict: return 409;
    case Errc::unavailable: return 503;
    case Errc::exhausted: return 507;
    case Errc::corrupt:
    case Errc::internal: return 500;
  }
  return 500;
}

std::string word_of(Errc code) {
  std::string word{to_string(code)};
  std::replace(word.begin(), word.end(), ' ', '_');
  return word;
}

std::string encode_target(const Request& request) {
  std::string target = encode(request.path, "/:@!$&'()*+,;=");
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += separator + encode(name, "") + "=" + encode(value, "");
    separator = '&';
  }
  return target;
}

Result<void> decode_target(std::string_view target, Request& request) {
  if (target.empty() || target.front() != '/')
    return Error{Errc::invalid, "the target is not a path"};
  const auto question = std::min(target.find('?'), target.size());
  request.path = TRY(decode(target.substr(0, question), false));
  auto rest = target.substr(std::min(question + 1, target.size()));
  request.query.clear();
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = TRY(decode(pair.substr(0, equals), true));
    auto value = TRY(decode(pair.substr(std::min(equals + 1, pair.size())), true));
    if (!request.query.emplace(name, std::move(value)).second)
      return Error{Errc::invalid, "query parameter \"" + name + "\" is given twice"};
  }
  return ok();
}

}  // namespace holdfast::http
