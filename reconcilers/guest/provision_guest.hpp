// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "reconcilers/guest/guest_operations.hpp"

// Private to the folder.
namespace holdfast {

// CreateGuest where disks live inside of guests.
Result<NewOperation> provision_guest(const GuestWorld& world, const GuestFacts& facts,
                                     const CreateGuest& action);

}  // namespace holdfast
