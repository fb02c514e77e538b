// SPDX-License-Identifier: Apache-2.0
#include "base/ids.hpp"

#include <charconv>

namespace holdfast {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool hyphen_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

}  // namespace

Uuid Uuid::random(Random& random) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = random.next();
    for (std::size_t i = 0; i < 8; ++i, word >>= 8)
      bytes.at(half * 8 + i) = static_cast<std::uint8_t>(word & 0xff);
  }
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // RFC 4122 variant
  return Uuid{bytes};
}

Result<Uuid> Uuid::parse(std::string_view text) {
  const Error bad{Errc::invalid, "expected a UUID, got '" + std::string{text.substr(0, 40)} + "'"};
  if (text.size() != 36) return bad;
  std::array<std::uint8_t, 16> bytes{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (hyphen_before(i) && text[at++] != '-') return bad;
    const int high = hex_value(text[at++]);
    const int low = hex_value(text[at++]);
    if (high < 0 || low < 0) return bad;
    bytes.at(i) = static_cast<std::uint8_t>(high * 16 + low);
  }
  return Uuid{bytes};
}

std::string to_string(const Uuid& uuid) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < 16; ++i) {
    if (hyphen_before(i)) text += '-';
    text += hex_digits[uuid.bytes().at(i) >> 4];
    text += hex_digits[uuid.bytes().at(i) & 0xf];
  }
  return text;
}

std::string to_string(OperationId id) { return "op-" + std::to_string(id.value); }

Result<OperationId> parse_operation_id(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("op-")) digits.remove_prefix(3);
  OperationId id{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.value);
  if (error != std::errc{} || end != digits.data() + digits.size() || id.value <= 0)
    return Error{Errc::invalid, "expected an operation id like op-42, got '" +
                                    std::string{text.substr(0, 40)} + "'"};
  return id;
}

std::string random_hex_id(Random& random) {
  std::string text;
  text.reserve(32);
  for (int half = 0; half < 2; ++half) {
    std::uint64_t word = random.next();
    for (int i = 0; i < 16; ++i, word >>= 4) text += hex_digits[word & 0xf];
  }
  return text;
}

}  // namespace holdfast
