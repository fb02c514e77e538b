// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "drivers/proxmox/node.hpp"
#include "drivers/proxmox/proxmox_host.hpp"

namespace holdfast::proxmox {

// Asks for the token's effective rights and the things it will use.
Result<std::vector<Check>> check_provider(Node& node);

}  // namespace holdfast::proxmox
