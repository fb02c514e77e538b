// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/clock.hpp"
#include "gate/gate.hpp"
#include "journal/journal.hpp"
#include "tests/sim/manual_clock.hpp"
#include "tests/sim/seeded_random.hpp"

namespace holdfast::sim {

// Permits for tests of ports. The real gate makes them, over a journal of its own that is
// told whatever the rule for the verb asks for; the test vouches for the facts.
class PermitMint {
 public:
  PermitMint();
  gate::Permit permit(gate::Verb verb, const Uuid& uuid, Incarnation incarnation);
  // As it is left after it was used.
  gate::Permit spent(gate::Verb verb, const Uuid& uuid, Incarnation incarnation);

 private:
  ManualClock clock_{};
  SeededRandom random_{1};
  std::unique_ptr<Journal> journal_;
  gate::Gate gate_;
};

}  // namespace holdfast::sim
