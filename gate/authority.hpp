// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "gate/permit.hpp"

namespace holdfast::gate {

// Makes Authorities out of verified signatures. Declared here and defined by the
// folder that verifies jobs (and by the tests): nothing else can name an Authority
// into being, so no flag, file or variable can stand in for a signature.
class AuthorityIssuer;

// A signed order that was verified: who may do what to which guest, until when.
// The gate still checks that it speaks of exactly the step at hand.
class Authority {
 public:
  const std::string& job_id() const { return job_id_; }
  Verb verb() const { return verb_; }
  const Uuid& uuid() const { return uuid_; }
  Incarnation incarnation() const { return incarnation_; }
  Time expires() const { return expires_; }
  // What the signer saw, empty when the job did not bind it.
  const std::string& fingerprint() const { return fingerprint_; }
  // Guests that may be destroyed on this day besides the budget's own allowance.
  unsigned extra_budget() const { return extra_budget_; }
  // What the verb applies to within the guest: a disk, a snapshot; empty for the guest.
  const std::string& object() const { return object_; }
  bool operator==(const Authority&) const = default;

 private:
  friend class AuthorityIssuer;
  Authority() = default;
  std::string job_id_{};
  Verb verb_ = Verb::destroy_guest;
  Uuid uuid_{};
  Incarnation incarnation_{};
  Time expires_{};
  std::string fingerprint_{};
  unsigned extra_budget_ = 0;
  std::string object_{};
};

}  // namespace holdfast::gate
