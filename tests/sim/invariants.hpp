// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "tests/sim/sim_world.hpp"

namespace holdfast::sim {

// The design's invariants as code. Each function answers one sentence for each breach.

using Breaches = std::vector<std::string>;

// Holds at any moment, in the middle of anything: nobody else's guest was touched, nothing
// was destroyed without a permit that covers it and, where the rules ask for one, a
// signature; no customer data is lost; one change of a subject at a time; one guest to a name.
Breaches broken_now(const SimWorld& world);

// Holds whenever no call is running: the journal's own promises (one unfinished operation
// and one owner to a subject, an unbroken audit chain), and a permit in the audit chain
// for each destructive call on the host.
Breaches broken_in_journal(const SimWorld& world, const Journal& journal);

// Holds once everything is at rest: nothing is half-built, nothing with our marker or in a
// guest's folder is unknown to the journal or out of use, no operation is open.
Breaches broken_at_rest(const SimWorld& world, const Journal& journal);

// Of guests that ran in `before` and run now: those that were stopped in between by us.
Breaches restarted_by_us(const SimWorld& before, const SimWorld& after);

// broken_now(), asked again and again; looks only when something has changed.
class InvariantWatch {
 public:
  explicit InvariantWatch(const SimWorld& world) : world_{world} {}
  // What is broken and was not at the last look.
  Breaches look();

 private:
  const SimWorld& world_;
  std::uint64_t version_ = 0;
  std::size_t offences_ = 0;
  std::size_t destroyed_ = 0;
  Breaches known_{};
};

}  // namespace holdfast::sim
