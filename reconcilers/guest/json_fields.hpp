// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "schema/quantity.hpp"

namespace holdfast {

// Reads one JSON object strictly: every field asked for must be there with its type, and
// no other. The first thing wrong is kept and reported by end(); until then each call
// is harmless.
//
//   Fields fields{object};
//   fields.text("name", disk.name).bytes("size", disk.size);
//   return fields.end("disk");
class Fields {
 public:
  explicit Fields(const nlohmann::json& object) : object_{object} {
    if (!object.is_object()) problem_ = "is not an object";
  }

  Fields& text(const char* key, std::string& out);
  Fields& number(const char* key, std::uint64_t& out);
  Fields& flag(const char* key, bool& out);
  Fields& bytes(const char* key, Bytes& out);
  Fields& uuid(const char* key, Uuid& out);
  Fields& texts(const char* key, std::vector<std::string>& out);

  // The value of `key` as read by `read`: Result<T>(const json&).
  template <class T, class Read>
  Fields& value(const char* key, T& out, Read read) {
    const nlohmann::json* found = take(key);
    if (found == nullptr) return *this;
    auto parsed = read(*found);
    if (!parsed) return fail(key, parsed.error().message());
    out = std::move(parsed).value();
    return *this;
  }
  template <class T, class Read>
  Fields& list(const char* key, std::vector<T>& out, Read read) {
    const nlohmann::json* found = take(key);
    if (found == nullptr) return *this;
    if (!found->is_array()) return fail(key, "is not a list");
    out.clear();
    for (const nlohmann::json& item : *found) {
      auto parsed = read(item);
      if (!parsed) return fail(key, parsed.error().message());
      out.push_back(std::move(parsed).value());
    }
    return *this;
  }

  // Errc::corrupt for the first thing that was wrong, or for fields left over.
  Result<void> end(std::string_view what) const;

 private:
  const nlohmann::json* take(const char* key);
  Fields& fail(const char* key, std::string_view why);

  const nlohmann::json& object_;
  std::size_t taken_ = 0;
  std::string problem_{};
};

// Text to JSON without exceptions; Errc::corrupt.
Result<nlohmann::json> parse_json(std::string_view text);
// One line; bytes that are not UTF-8 are replaced, never thrown at.
std::string dump(const nlohmann::json& json);

}  // namespace holdfast
