// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// What becomes of the steps that a plan calls refused. Private to the folder.
namespace holdfast {

// Has the gate write a ticket for each, and close those of steps that are not planned any
// more. Writes nothing while nothing changed.
Result<void> write_refusals(const GuestWorld& world, const GuestFacts& facts,
                            const GuestPlan& plan);

// Names the gate's rule and the open ticket of each; writes nothing.
Result<void> fill_in_rules(const GuestWorld& world, const GuestFacts& facts, GuestPlan& plan);

}  // namespace holdfast
