// SPDX-License-Identifier: Apache-2.0
#include "cli/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

namespace holdfast::cli {
namespace {

using Json = nlohmann::json;

constexpr const char* left_out = "(left out)";
constexpr int deepest = 64;
// In names of fields, lower case, without '_' and '-'.
constexpr std::array<std::string_view, 12> secret_words{
    "bootstrap", "userdata", "vendordata", "networkconfig", "metadata", "seed",
    "cmdline",   "password", "passwd",     "secret",        "token",    "privatekey"};

bool is_secret(const std::string& key) {
  std::string plain;
  for (const char c : key)
    if (c != '_' && c != '-')
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::any_of(secret_words.begin(), secret_words.end(),
                     [&](std::string_view word) { return plain.find(word) != std::string::npos; });
}

void redact(Json& json, int depth);

void redact_object(Json& object, int depth) {
  for (auto item = object.begin(); item != object.end(); ++item) {
    if (!is_secret(item.key())) {
      redact(item.value(), depth + 1);
    } else if (item.key() != "metadata" || !item.value().is_object()) {
      // A resource's own "metadata" holds its name only; cloud-init's is a text.
      item.value() = left_out;
    }
  }
}

// A text may be JSON itself.
void redact_text(Json& json, int depth) {
  const auto& text = json.get_ref<const std::string&>();
  if (text.rfind("#cloud-config", 0) == 0) {
    json = left_out;
    return;
  }
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || (text[first] != '{' && text[first] != '[')) return;
  auto inner = Json::parse(text, nullptr, false);
  if (inner.is_discarded()) return;
  redact(inner, depth + 1);
  json = inner.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void redact(Json& json, int depth) {
  if (depth > deepest) {
    json = left_out;
  } else if (json.is_object()) {
    redact_object(json, depth);
  } else if (json.is_array()) {
    for (auto& element : json) redact(element, depth + 1);
  } else if (json.is_string()) {
    redact_text(json, depth);
  }
}

}  // namespace

std::string without_secrets(std::string_view json) {
  if (json.empty()) return {};
  auto tree = Json::parse(json, nullptr, false);
  if (tree.is_discarded()) return left_out;
  redact(tree, 0);
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace holdfast::cli
