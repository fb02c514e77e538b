// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "gate/authority.hpp"

namespace holdfast::gate {

// What a verified signature would say. Every field of an Authority.
struct SignedOrder {
  std::string job_id = "00112233445566778899aabbccddeeff";
  Verb verb = Verb::destroy_guest;
  Uuid uuid{};
  Incarnation incarnation{};
  Time expires{};
  std::string fingerprint{};
  unsigned extra_budget = 0;
  std::string object{};
};

// Tests stand in for the folder that verifies signatures: this is the class that the
// gate befriends, defined in no library of the program.
class AuthorityIssuer {
 public:
  static Authority issue(SignedOrder order) {
    Authority authority;
    authority.job_id_ = std::move(order.job_id);
    authority.verb_ = order.verb;
    authority.uuid_ = order.uuid;
    authority.incarnation_ = order.incarnation;
    authority.expires_ = order.expires;
    authority.fingerprint_ = std::move(order.fingerprint);
    authority.extra_budget_ = order.extra_budget;
    authority.object_ = std::move(order.object);
    return authority;
  }
};

}  // namespace holdfast::gate
