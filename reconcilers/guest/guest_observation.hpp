// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"

// From the world to the facts of a plan. Reads only. Private to the folder.
namespace holdfast {

// What many guests' facts share, read once.
struct SharedFacts {
  std::vector<Provenance> rows{};              // of all guests
  const host::Inventory* inventory = nullptr;  // a bulk observation; null: ask for each guest
};
Result<SharedFacts> shared_facts(const GuestWorld& world);

// An Error means that the world cannot be told; it never means that something is absent.
Result<GuestFacts> gather_facts(const GuestWorld& world, const std::string& name,
                                const DesiredGuest& desired, const SharedFacts& shared);

// The plan for `facts`, which learn what oscillates when that can matter. `written` are the
// guest's conditions.
Result<GuestPlan> plan_with_history(const GuestWorld& world, GuestFacts& facts,
                                    const std::vector<ConditionRecord>& written);

const ConditionRecord* find_condition(const std::vector<ConditionRecord>& written,
                                      std::string_view type);

}  // namespace holdfast
