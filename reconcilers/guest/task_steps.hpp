// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "journal/runner.hpp"
#include "reconcilers/guest/guest_world.hpp"

// Private to the folder.
namespace holdfast {

// For providers whose changes are tasks: whatever task a step of `op` begins is journaled
// before anybody waits for it, and a step whose task goes on is waited for by polling it. When
// a task has ended, the world says what came of it, as after a restart.
void follow_tasks(const GuestWorld& world, const Operation& op, const Uuid& uuid,
                  std::vector<Step>& steps);

}  // namespace holdfast
