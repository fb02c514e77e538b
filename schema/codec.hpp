// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "schema/problems.hpp"
#include "schema/quantity.hpp"

// Private to schema/. One value's three forms: how it is read, printed, and described in the
// published JSON Schema. Kept together so that they cannot drift apart.
namespace holdfast {

template <class T>
struct Codec {
  // Sets `value` or reports why not; `value` is then unchanged or half read.
  std::function<void(const Json& json, T& value, Problems& problems)> read;
  // Canonical form; null means that the field is left out.
  std::function<Json(const T& value)> print;
  Json schema;  // draft 7
};

// What a text must look like. `pattern` is for the JSON Schema, `matches` for the parser; the
// tests run both over the same table of texts.
struct TextForm {
  std::string_view expected;
  std::string_view pattern;
  bool (*matches)(std::string_view text);
  std::size_t max_bytes;
};

extern const TextForm dns_label;      // acme, web-1
extern const TextForm volume_name;    // a DNS label other than root
extern const TextForm bridge_name;    // br0
extern const TextForm network_name;   // default
extern const TextForm device_model;   // virtio
extern const TextForm version_text;   // 2026.11.1
extern const TextForm file_name;      // root.raw.zst
extern const TextForm sha256_hex;     // 64 hex digits
extern const TextForm sha256_digest;  // sha256: and 64 hex digits
extern const TextForm id_hex;         // 32 hex digits
extern const TextForm url_path;       // /healthz
extern const TextForm single_line;    // anything without a line break
extern const TextForm any_text;

Codec<std::string> text(const TextForm& form);
// Exactly one string.
Codec<std::string> constant(std::string_view value);
// A string as it is, or a mapping, kept as `prefix` and canonical JSON.
Codec<std::string> text_or_mapping(std::string_view prefix, std::size_t max_bytes);
Codec<bool> boolean();
Codec<double> real();
Codec<Bytes> bytes(Bytes min, Bytes max);
// A plain number of bytes, for files that are made by programs.
Codec<Bytes> byte_count(Bytes min, Bytes max);
Codec<Duration> duration(Duration min, Duration max);
Codec<std::uint32_t> cpu_count(std::uint32_t min, std::uint32_t max);
Codec<Time> time();
Codec<Uuid> uuid();
Codec<Incarnation> incarnation();
Codec<std::map<std::string, std::string>> text_map(std::size_t max_entries);

// Whole JSON numbers only: 2.0 and "2" are refused. True when `json` was one in range.
bool read_whole(const Json& json, std::uint64_t min, std::uint64_t max, std::uint64_t& value,
                Problems& problems);

template <class T>
Codec<T> whole_number(T min, T max) {
  return {[min, max](const Json& json, T& value, Problems& problems) {
            std::uint64_t wide = 0;
            if (read_whole(json, min, max, wide, problems)) value = static_cast<T>(wide);
          },
          [](const T& value) -> Json { return value; },
          {{"type", "integer"}, {"minimum", min}, {"maximum", max}}};
}

template <class T>
Codec<T> one_of(std::vector<std::pair<std::string, T>> names) {
  Json schema = {{"enum", Json::array()}};
  std::string expectation;
  for (const auto& [name, value] : names) {
    schema["enum"].push_back(name);
    expectation += (expectation.empty() ? "" : " or ") + name;
  }
  const auto read = [names, expectation](const Json& json, T& value, Problems& problems) {
    for (const auto& [name, candidate] : names) {
      if (json != name) continue;
      value = candidate;
      return;
    }
    problems.expected(json, expectation);
  };
  const auto print = [names](const T& value) -> Json {
    for (const auto& [name, candidate] : names)
      if (candidate == value) return name;
    return nullptr;
  };
  return {read, print, schema};
}

template <class T>
Codec<std::optional<T>> maybe(Codec<T> codec) {
  return {[codec](const Json& json, std::optional<T>& value, Problems& problems) {
            T inner{};
            codec.read(json, inner, problems);
            value = std::move(inner);
          },
          [codec](const std::optional<T>& value) -> Json {
            return value ? codec.print(*value) : Json(nullptr);
          },
          codec.schema};
}

// The same, under the names that to_string() gives.
template <class T>
Codec<T> one_of(std::initializer_list<T> values) {
  std::vector<std::pair<std::string, T>> names;
  for (const T value : values) names.emplace_back(std::string{to_string(value)}, value);
  return one_of(std::move(names));
}

struct ListBounds {
  std::size_t min = 0;
  std::size_t max = std::numeric_limits<std::size_t>::max();
};

template <class T>
Codec<std::vector<T>> list_of(Codec<T> codec, ListBounds bounds = {}) {
  Json schema = {{"type", "array"}, {"items", codec.schema}};
  if (bounds.min > 0) schema["minItems"] = bounds.min;
  if (bounds.max != ListBounds{}.max) schema["maxItems"] = bounds.max;
  const auto read = [codec, bounds](const Json& json, std::vector<T>& items, Problems& problems) {
    if (!json.is_array()) return problems.expected(json, "a list");
    if (json.size() < bounds.min)
      problems.add("found an empty list, expected at least " + std::to_string(bounds.min));
    if (json.size() > bounds.max)
      return problems.add("found " + std::to_string(json.size()) + " items, expected at most " +
                          std::to_string(bounds.max));
    items.clear();
    for (const auto& element : json) {
      const Problems::Step step{problems, items.size()};
      codec.read(element, items.emplace_back(), problems);
    }
  };
  const auto print = [codec](const std::vector<T>& items) {
    auto list = Json::array();
    for (const auto& item : items) list.push_back(codec.print(item));
    return list;
  };
  return {read, print, schema};
}

// Reports every item whose `key` an earlier item has too. Empty keys do not count.
template <class T, class KeyOf>
void refuse_twins(const std::vector<T>& items, std::string_view what, const KeyOf& key_of,
                  Problems& problems) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string key = key_of(items[i]);
    if (key.empty() || seen.insert(key).second) continue;
    const Problems::Step step{problems, i};
    problems.add("found a second " + std::string{what} + " " + key.substr(0, 80) +
                 ", expected each once");
  }
}

}  // namespace holdfast
