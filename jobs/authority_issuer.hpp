// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "gate/authority.hpp"

// Private to jobs/, and to tests that stand in for it; tools/check_layers.py sees to that.
namespace holdfast::gate {

// What a verified signature says. Every field of an Authority.
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

// The only maker of Authorities.
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
