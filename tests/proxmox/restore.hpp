// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/proxmox/call.hpp"

// Private to the stand-in.
namespace holdfast::standin {

// The work of a restore, once the VMID is ours: see README.md for what it loses, and why that
// is meant. They throw Refusal for what fails in the task.
void restore_container(Call& call, Task& task, Guest& guest, const Volume& source);
void restore_machine(Call& call, Task& task, Guest& guest, const Volume& source);

// Options of the call that are the guest's, without what only steers the call.
Config guest_options(const Call& call);

}  // namespace holdfast::standin
