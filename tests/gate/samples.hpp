// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "gate/facts.hpp"
#include "tests/gate/authority_issuer.hpp"

namespace holdfast::gate {

inline const Time noon{std::chrono::hours{24 * 365 * 56 + 12}};

// What the journal has witnessed by noon.
inline constexpr Duration by_noon = std::chrono::hours{24 * 100};

inline const std::string fingerprint_now = "sha256:" + std::string(64, 'a');
inline const std::string fingerprint_before = "sha256:" + std::string(64, 'b');

inline Uuid uuid_number(std::uint8_t number) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[0] = 0xac;
  bytes[15] = number;
  return Uuid{bytes};
}

// What must be named for `verb`, as a caller would.
inline std::string object_for(Verb verb) {
  switch (verb) {
    case Verb::destroy_guest:
    case Verb::undelete_guest:
    case Verb::free_tombstone:
    case Verb::remove_unfinished:
    case Verb::remove_scratch: return {};
    default: return "root 8Gi";
  }
}

// A live guest of ours with customer data in it, one of eight; nothing destroyed today.
inline Facts live_guest(Verb verb) {
  Provenance row{.uuid = uuid_number(1),
                 .incarnation = {3},
                 .subject = "guest/acme",
                 .origin = Origin::created,
                 .created_by = {7},
                 .life = Life::live,
                 .data_bearing = true};
  return {.verb = verb,
          .requester = Requester::operation,
          .subject = "guest/acme",
          .object = object_for(verb),
          .uuid = uuid_number(1),
          .incarnation = {3},
          .operation = {42},
          .provenance = row,
          .marker = MarkerState::matches,
          .budget = {.destroyed_today = 0, .guests = 8},
          .fingerprint = fingerprint_now,
          .now = noon,
          .witnessed = by_noon};
}

// What an operator would have to sign for `facts` to happen; valid for one more hour.
inline SignedOrder order_for(const Facts& facts) {
  return {.verb = facts.verb,
          .uuid = facts.uuid,
          .incarnation = facts.incarnation,
          .expires = facts.now + std::chrono::hours{1},
          .fingerprint = facts.fingerprint,
          .object = facts.object};
}

inline Facts signed_by(Facts facts, SignedOrder order) {
  facts.authority = AuthorityIssuer::issue(std::move(order));
  return facts;
}

}  // namespace holdfast::gate
