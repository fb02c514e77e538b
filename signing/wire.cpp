// SPDX-License-Identifier: Apache-2.0
#include "signing/wire.hpp"

namespace holdfast::signing {

std::optional<std::string_view> WireReader::raw(std::size_t length) {
  if (length > rest_.size()) return std::nullopt;
  const std::string_view taken = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return taken;
}

std::optional<std::uint8_t> WireReader::byte() {
  const auto taken = raw(1);
  if (!taken) return std::nullopt;
  return static_cast<std::uint8_t>(taken->front());
}

std::optional<std::uint32_t> WireReader::number() {
  const auto taken = raw(4);
  if (!taken) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : *taken) value = value << 8U | static_cast<std::uint8_t>(c);
  return value;
}

std::optional<std::string_view> WireReader::text() {
  const std::string_view before = rest_;
  if (const auto length = number())
    if (const auto taken = raw(*length)) return taken;
  rest_ = before;
  return std::nullopt;
}

void append_number(std::string& out, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    out += static_cast<char>(static_cast<std::uint8_t>(number >> shift));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

}  // namespace holdfast::signing
