// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {

const nlohmann::json* Fields::take(const char* key) {
  if (!problem_.empty()) return nullptr;
  const auto found = object_.find(key);
  if (found == object_.end()) {
    fail(key, "is missing");
    return nullptr;
  }
  ++taken_;
  return &*found;
}

Fields& Fields::fail(const char* key, std::string_view why) {
  if (problem_.empty()) problem_ = std::string{key} + ": " + std::string{why};
  return *this;
}

Fields& Fields::text(const char* key, std::string& out) {
  const nlohmann::json* found = take(key);
  if (found == nullptr) return *this;
  if (!found->is_string()) return fail(key, "is not a string");
  out = found->get<std::string>();
  return *this;
}

Fields& Fields::number(const char* key, std::uint64_t& out) {
  const nlohmann::json* found = take(key);
  if (found == nullptr) return *this;
  if (!found->is_number_unsigned()) return fail(key, "is not a whole number");
  out = found->get<std::uint64_t>();
  return *this;
}

Fields& Fields::flag(const char* key, bool& out) {
  const nlohmann::json* found = take(key);
  if (found == nullptr) return *this;
  if (!found->is_boolean()) return fail(key, "is not true or false");
  out = found->get<bool>();
  return *this;
}

Fields& Fields::bytes(const char* key, Bytes& out) { return number(key, out.value); }

Fields& Fields::uuid(const char* key, Uuid& out) {
  return value(key, out, [](const nlohmann::json& json) -> Result<Uuid> {
    if (!json.is_string()) return Error{Errc::corrupt, "is not a string"};
    return Uuid::parse(json.get_ref<const std::string&>());
  });
}

Fields& Fields::texts(const char* key, std::vector<std::string>& out) {
  return list(key, out, [](const nlohmann::json& json) -> Result<std::string> {
    if (!json.is_string()) return Error{Errc::corrupt, "holds what is not a string"};
    return json.get<std::string>();
  });
}

Result<void> Fields::end(std::string_view what) const {
  if (!problem_.empty()) return Error{Errc::corrupt, std::string{what} + ": " + problem_};
  if (taken_ != object_.size())
    return Error{Errc::corrupt, std::string{what} + ": holds fields that are not known"};
  return ok();
}

Result<nlohmann::json> parse_json(std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error{Errc::corrupt, "is not JSON"};
  return json;
}

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace holdfast
