// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "tests/sim/sim_host.hpp"

namespace holdfast::sim {

// Other hands and bad luck, driven by a seed: guests crash, strangers come and go, somebody
// edits or removes our guests' definitions, libvirt restarts, disks fill up, power fails.
class Chaos {
 public:
  Chaos(SimHost& host, std::uint64_t seed) : host_{host}, random_{seed} {}

  // Calls fail at these rates from now on.
  void worsen_calls(unsigned per_million);
  // One event, on average once in `steps` calls.
  void maybe(unsigned steps) {
    if (random_.one_in(steps)) strike();
  }
  void strike();
  // No more faults, and what was taken away (provider, space, targets) is given back.
  void calm();

 private:
  SimDomain* pick(bool ours);
  void bother_stranger();
  void edit_ours(SimDomain& guest);

  SimHost& host_;
  SeededRandom random_;
  unsigned strangers_ = 0;
};

}  // namespace holdfast::sim
