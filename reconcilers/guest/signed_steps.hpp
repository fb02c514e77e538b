// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gate/permit.hpp"
#include "journal/runner.hpp"
#include "reconcilers/guest/guest_identity.hpp"
#include "reconcilers/guest/guest_world.hpp"

// What operations on a signed order have in common. Private to the folder.
namespace holdfast {

using AskPermit = std::function<Result<gate::Permit>()>;

// Two steps: the gate is asked before the first side effect, and the job is written into
// the guest's marker before it takes effect, so that an older copy of the journal cannot
// have it carried out again. The permit is let go: the effect asks for its own.
void add_signed_start(const GuestWorld& world, const GuestIdentity& identity,
                      const std::string& job, AskPermit ask, std::vector<Step>& steps);

// Stops the guest; taken back, what ran before runs again.
void add_stop_for_order(const GuestWorld& world, const GuestIdentity& identity, bool was_running,
                        std::vector<Step>& steps);

// What the marker of the guest says of its origin while it is no tombstone.
Result<std::string> living_provenance(const GuestWorld& world, const GuestIdentity& identity);

}  // namespace holdfast
