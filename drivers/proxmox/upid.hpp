// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast::proxmox {

// "UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:": the id of a task, and what it says itself.
struct Upid {
  std::string node{};
  std::string type{};  // "vzcreate", "qmstart", ...
  std::string id{};    // mostly a VMID; may be empty
  std::string user{};  // "agent@pve!token"
};

// Errc::invalid when it is none.
Result<Upid> parse_upid(std::string_view text);

}  // namespace holdfast::proxmox
