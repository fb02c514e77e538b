// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/property.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace holdfast::proxmox {
namespace {

constexpr std::string_view units = "KMGT";

}  // namespace

std::string Property::get(std::string_view key) const {
  for (const auto& [name, value] : parts)
    if (name == key) return value;
  return {};
}

void Property::set(std::string_view key, std::string value) {
  for (auto& [name, known] : parts) {
    if (name != key) continue;
    known = std::move(value);
    return;
  }
  parts.emplace_back(std::string{key}, std::move(value));
}

void Property::erase(std::string_view key) {
  std::erase_if(parts, [&](const auto& part) { return part.first == key; });
}

Property parse_property(std::string_view text) {
  Property property;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos)
      property.parts.emplace_back("", std::string{part});
    else
      property.parts.emplace_back(std::string{part.substr(0, equals)},
                                  std::string{part.substr(equals + 1)});
  }
  return property;
}

std::string to_string(const Property& property) {
  std::string text;
  for (const auto& [name, value] : property.parts)
    text += (text.empty() ? "" : ",") + (name.empty() ? value : name + "=" + value);
  return text;
}

std::string volume_id(const std::string& value) {
  const Property property = parse_property(value);
  for (const char* key : {"", "volume", "file"})
    if (std::string id = property.get(key); !id.empty()) return id;
  return {};
}

std::optional<Bytes> parse_size(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || !(number >= 0)) return std::nullopt;
  double factor = 1;
  if (at != end) {
    const auto unit = units.find(*at);
    if (at + 1 != end || unit == std::string_view::npos) return std::nullopt;
    factor = std::pow(1024.0, static_cast<double>(unit) + 1);
  }
  const double bytes = number * factor;
  if (bytes >= 9e18) return std::nullopt;
  return Bytes{static_cast<std::uint64_t>(std::llround(bytes))};
}

std::string size_text(Bytes size) {
  std::uint64_t value = size.value;
  std::string unit;
  for (const char c : units) {
    if (value == 0 || value % 1024 != 0) break;
    value /= 1024;
    unit = c;
  }
  return std::to_string(value) + unit;
}

std::string gibibytes_text(Bytes size) {
  constexpr double gibibyte = 1024.0 * 1024 * 1024;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.9f", static_cast<double>(size.value) / gibibyte);
  std::string out{text.data()};
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out;
}

}  // namespace holdfast::proxmox
