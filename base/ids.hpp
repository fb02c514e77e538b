// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast {

// A guest's identity on this host, chosen by us when it was created (RFC 4122,
// version 4). Names are for people; this is what is looked up and compared.
class Uuid {
 public:
  Uuid() = default;
  static Uuid random(Random& random);
  // The 36-character form, any case. Errc::invalid otherwise.
  static Result<Uuid> parse(std::string_view text);
  explicit Uuid(const std::array<std::uint8_t, 16>& bytes) : bytes_{bytes} {}

  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  bool is_nil() const { return *this == Uuid{}; }
  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// Lower case, with hyphens.
std::string to_string(const Uuid& uuid);

// Goes up each time a guest's data is replaced; 1 at birth. UUID and incarnation
// together name the bytes that a permit or a signature speaks of.
struct Incarnation {
  std::uint64_t value = 1;
  auto operator<=>(const Incarnation&) const = default;
};

// Names one operation in the journal. Grows; never reused.
struct OperationId {
  std::int64_t value = 0;
  auto operator<=>(const OperationId&) const = default;
};

// "op-42": as shown to people and accepted back.
std::string to_string(OperationId id);
Result<OperationId> parse_operation_id(std::string_view text);

// 128 random bits as 32 lower-case hex digits: job ids, ticket ids.
std::string random_hex_id(Random& random);

}  // namespace holdfast

template <>
struct std::hash<holdfast::Uuid> {
  std::size_t operator()(const holdfast::Uuid& uuid) const noexcept {
    std::size_t mixed = 0;
    for (const auto byte : uuid.bytes()) mixed = mixed * 257 + byte;
    return mixed;
  }
};
