// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/contract/hypervisor_contract.hpp"

namespace holdfast::contract {

// What every provider that takes backups promises of them. Call from within one TEST_CASE; every
// promise is a SECTION of it.
void check_backups_contract(const MakeWorld& make_world);

}  // namespace holdfast::contract
