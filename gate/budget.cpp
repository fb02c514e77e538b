// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>

#include "gate/gate.hpp"

namespace holdfast::gate {

unsigned daily_budget(unsigned guests) { return std::max(1U, guests / 4); }

MassChange judge_mass_change(unsigned guests_before, unsigned guests_dropped) {
  if (std::uint64_t{guests_dropped} * 2 <= guests_before) return {};
  return {.held = true,
          .sentence = "the new desired state drops " + std::to_string(guests_dropped) + " of " +
                      std::to_string(guests_before) +
                      " guests, more than half: it is held as a whole until an operator signs "
                      "for it"};
}

}  // namespace holdfast::gate
