// SPDX-License-Identifier: Apache-2.0
#include "schema/codec.hpp"

#include <algorithm>
#include <utility>

#include "schema/limits.hpp"

namespace holdfast {
namespace {

constexpr std::string_view lower_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool is_in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool is_lower_alnum(char c) { return is_in(c, lower_letters) || is_in(c, digits); }
bool is_alnum(char c) { return is_lower_alnum(c) || is_in(c, upper_letters); }

bool is_hex(std::string_view text, std::size_t length) {
  return text.size() == length &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Starts with a letter or digit, goes on with those and `others`.
bool is_word(std::string_view text, std::string_view others, std::size_t max) {
  return !text.empty() && text.size() <= max && is_alnum(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [others](char c) { return is_alnum(c) || is_in(c, others); });
}

// RFC 1123: what Kubernetes calls a DNS label.
bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_alnum(text.front()) &&
         is_lower_alnum(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_lower_alnum(c) || c == '-';
         });
}

bool is_device_model(std::string_view text) {
  return !text.empty() && text.size() <= 32 && is_lower_alnum(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_alnum(c) || c == '-' || c == '_'; });
}

bool is_url_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// The longer words `sha256:...` is made of.
bool is_digest(std::string_view text) {
  return text.starts_with("sha256:") && is_hex(text.substr(7), 64);
}

constexpr std::string_view quantity_pattern =
    R"(^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E|[eE][0-9]{1,2})?$)";

std::string range(const std::string& min, const std::string& max) {
  return "from " + min + " to " + max;
}

// "found X, expected Y" of a base parser, behind the pointer of `problems`.
template <class T>
bool take(Result<T> result, T& value, Problems& problems) {
  if (!result) {
    problems.add(result.error().message());
    return false;
  }
  value = std::move(result).value();
  return true;
}

bool is_whole(const Json& json, std::uint64_t& value) {
  if (!json.is_number_integer()) return false;
  if (!json.is_number_unsigned() && json.get<std::int64_t>() < 0) return false;
  value = json.get<std::uint64_t>();
  return true;
}

}  // namespace

// 15 is IFNAMSIZ without its terminator; the version and file forms leave no room for a
// slash, a leading dot or "..".
const TextForm dns_label{"a name of lower-case letters, digits and inner hyphens, at most 63",
                         "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", is_dns_label, 63};
const TextForm volume_name{"a name of lower-case letters, digits and inner hyphens other than root",
                           "^(?!root$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                           [](std::string_view t) { return is_dns_label(t) && t != "root"; }, 63};
const TextForm bridge_name{"a bridge like br0", "^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$",
                           [](std::string_view t) { return is_word(t, "._-", 15); }, 15};
const TextForm network_name{"a libvirt network like default", "^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$",
                            [](std::string_view t) { return is_word(t, "._-", 50); }, 50};
const TextForm device_model{"a device model like virtio", "^[a-z0-9][a-z0-9_-]{0,31}$",
                            is_device_model, 32};
const TextForm version_text{"a version like 2026.11.1 (in quotes when it reads as a number)",
                            "^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$",
                            [](std::string_view t) { return is_word(t, "._+-", 64); }, 64};
const TextForm file_name{"a plain file name without a slash", "^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$",
                         [](std::string_view t) { return is_word(t, "._+-", 128); }, 128};
const TextForm sha256_hex{"a SHA-256 of 64 lower-case hex digits", "^[0-9a-f]{64}$",
                          [](std::string_view t) { return is_hex(t, 64); }, 64};
const TextForm sha256_digest{"sha256: and 64 lower-case hex digits", "^sha256:[0-9a-f]{64}$",
                             is_digest, 71};
const TextForm id_hex{"32 lower-case hex digits", "^[0-9a-f]{32}$",
                      [](std::string_view t) { return is_hex(t, 32); }, 32};
const TextForm url_path{"a path like /healthz", "^/[!-~]{0,1023}$", is_url_path, 1024};
const TextForm single_line{
    "one line of text", "^[^\\r\\n]*$",
    [](std::string_view t) { return t.find_first_of("\r\n") == std::string_view::npos; },
    limits::string_bytes};
const TextForm any_text{"text", "", [](std::string_view) { return true; }, limits::string_bytes};

Codec<std::string> text(const TextForm& form) {
  Json schema = {{"type", "string"}, {"maxLength", form.max_bytes}};
  if (!form.pattern.empty()) schema["pattern"] = form.pattern;
  return {[form](const Json& json, std::string& value, Problems& problems) {
            if (!json.is_string()) return problems.expected(json, form.expected);
            const auto& found = json.get_ref<const std::string&>();
            if (problems.wants_all() && found.size() > form.max_bytes)
              return problems.add("found " + std::to_string(found.size()) +
                                  " bytes, expected at most " + std::to_string(form.max_bytes));
            if (!form.matches(found)) return problems.expected(json, form.expected);
            value = found;
          },
          [](const std::string& value) -> Json { return value; }, schema};
}

Codec<std::string> constant(std::string_view value) {
  const std::string only{value};
  return {[only](const Json& json, std::string& read, Problems& problems) {
            if (json != only) return problems.expected(json, only);
            read = only;
          },
          [only](const std::string&) -> Json { return only; },
          {{"const", only}}};
}

Codec<std::string> text_or_mapping(std::string_view prefix, std::size_t max_bytes) {
  const std::string head{prefix};
  return {
      [head, max_bytes](const Json& json, std::string& value, Problems& problems) {
        if (!json.is_string() && !json.is_object())
          return problems.expected(json, "text or a mapping");
        auto found = json.is_string() ? json.get<std::string>() : head + json.dump();
        if (found.size() > max_bytes)
          return problems.add("found " + std::to_string(found.size()) +
                              " bytes, expected at most " + std::to_string(max_bytes));
        value = std::move(found);
      },
      [](const std::string& value) -> Json { return value.empty() ? Json(nullptr) : Json(value); },
      {{"type", {"string", "object"}}, {"maxLength", max_bytes}}};
}

Codec<bool> boolean() {
  return {[](const Json& json, bool& value, Problems& problems) {
            if (!json.is_boolean()) return problems.expected(json, "true or false");
            value = json.get<bool>();
          },
          [](const bool& value) -> Json { return value; },
          {{"type", "boolean"}}};
}

Codec<double> real() {
  return {[](const Json& json, double& value, Problems& problems) {
            if (!json.is_number()) return problems.expected(json, "a number");
            value = json.get<double>();
          },
          [](const double& value) -> Json { return value; },
          {{"type", "number"}}};
}

bool read_whole(const Json& json, std::uint64_t min, std::uint64_t max, std::uint64_t& value,
                Problems& problems) {
  if (is_whole(json, value) && value >= min && value <= max) return true;
  problems.expected(json, "a whole number " + range(std::to_string(min), std::to_string(max)));
  return false;
}

Codec<Bytes> bytes(Bytes min, Bytes max) {
  const auto read = [min, max](const Json& json, Bytes& value, Problems& problems) {
    Bytes found{};
    if (json.is_string()) {
      if (!take(parse_bytes(json.get_ref<const std::string&>()), found, problems)) return;
    } else if (!is_whole(json, found.value)) {
      return problems.expected(json, "a quantity like 2Gi or 512Mi");
    }
    if (found < min || found > max)
      return problems.expected(json, "a quantity " + range(to_string(min), to_string(max)));
    value = found;
  };
  const Json schema = {{"oneOf",
                        {{{"type", "string"}, {"maxLength", 40}, {"pattern", quantity_pattern}},
                         {{"type", "integer"}, {"minimum", min.value}, {"maximum", max.value}}}}};
  return {read, [](const Bytes& value) -> Json { return to_string(value); }, schema};
}

Codec<Bytes> byte_count(Bytes min, Bytes max) {
  return {[min, max](const Json& json, Bytes& value, Problems& problems) {
            std::uint64_t found = 0;
            if (read_whole(json, min.value, max.value, found, problems)) value = Bytes{found};
          },
          [](const Bytes& value) -> Json { return value.value; },
          {{"type", "integer"}, {"minimum", min.value}, {"maximum", max.value}}};
}

Codec<Duration> duration(Duration min, Duration max) {
  const auto read = [min, max](const Json& json, Duration& value, Problems& problems) {
    if (!json.is_string()) return problems.expected(json, "a duration like 10s or 1h30m");
    Duration found{};
    if (!take(parse_duration(json.get_ref<const std::string&>()), found, problems)) return;
    if (found < min || found > max)
      return problems.expected(json, "a duration " + range(to_string(min), to_string(max)));
    value = found;
  };
  return {read,
          [](const Duration& value) -> Json { return to_string(value); },
          {{"type", "string"},
           {"pattern", "^(?=.)([0-9]{1,10}h)?([0-9]{1,10}m)?([0-9]{1,10}s)?([0-9]{1,10}ms)?$"}}};
}

Codec<std::uint32_t> cpu_count(std::uint32_t min, std::uint32_t max) {
  const auto read = [min, max](const Json& json, std::uint32_t& value, Problems& problems) {
    std::uint64_t found = 0;
    std::uint32_t parsed = 0;
    if (json.is_string()) {
      if (!take(parse_cpus(json.get_ref<const std::string&>()), parsed, problems)) return;
      found = parsed;
    } else if (!is_whole(json, found)) {
      return problems.expected(json, "whole CPUs like 2");
    }
    if (found < min || found > max)
      return problems.expected(json,
                               "whole CPUs " + range(std::to_string(min), std::to_string(max)));
    value = static_cast<std::uint32_t>(found);
  };
  const Json schema = {{"oneOf",
                        {{{"type", "integer"}, {"minimum", min}, {"maximum", max}},
                         {{"type", "string"}, {"pattern", "^[0-9]{1,10}$"}}}}};
  return {read, [](const std::uint32_t& value) -> Json { return value; }, schema};
}

Codec<Time> time() {
  return {
      [](const Json& json, Time& value, Problems& problems) {
        constexpr std::string_view expectation =
            "an RFC 3339 time in UTC like 2026-11-22T19:36:00Z";
        if (!json.is_string()) return problems.expected(json, expectation);
        const auto found = parse_time(json.get_ref<const std::string&>());
        if (!found) return problems.expected(json, expectation);
        value = *found;
      },
      [](const Time& value) -> Json { return to_string(value); },
      {{"type", "string"},
       {"pattern", R"(^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$)"}}};
}

Codec<Uuid> uuid() {
  return {[](const Json& json, Uuid& value, Problems& problems) {
            if (!json.is_string()) return problems.expected(json, "a UUID");
            const auto found = Uuid::parse(json.get_ref<const std::string&>());
            if (!found) return problems.expected(json, "a UUID");
            value = *found;
          },
          [](const Uuid& value) -> Json { return to_string(value); },
          {{"type", "string"}, {"format", "uuid"}}};
}

Codec<Incarnation> incarnation() {
  constexpr auto max = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  return {[](const Json& json, Incarnation& value, Problems& problems) {
            std::uint64_t found = 0;
            if (read_whole(json, 0, max, found, problems)) value = Incarnation{found};
          },
          [](const Incarnation& value) -> Json { return value.value; },
          {{"type", "integer"}, {"minimum", 0}}};
}

Codec<std::map<std::string, std::string>> text_map(std::size_t max_entries) {
  using Map = std::map<std::string, std::string>;
  const auto read = [max_entries](const Json& json, Map& map, Problems& problems) {
    if (!json.is_object()) return problems.expected(json, "a mapping of texts");
    if (json.size() > max_entries)
      return problems.add("found " + std::to_string(json.size()) + " entries, expected at most " +
                          std::to_string(max_entries));
    map.clear();
    for (auto item = json.begin(); item != json.end(); ++item) {
      const Problems::Step step{problems, item.key()};
      text(any_text).read(item.value(), map[item.key()], problems);
    }
  };
  const Json schema = {{"type", "object"},
                       {"maxProperties", max_entries},
                       {"additionalProperties", {{"type", "string"}}}};
  return {read, [](const Map& map) -> Json { return map; }, schema};
}

}  // namespace holdfast
