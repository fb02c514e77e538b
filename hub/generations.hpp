// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "schema/desired_state.hpp"
#include "schema/hub_report.hpp"

// What becomes of a host's desired state when an operator edits it. Pure.
namespace holdfast::hub {

struct Edit {
  std::string_view text{};  // resources, or a whole envelope, as YAML or JSON
  bool is_pruning = false;  // what `text` does not name is no longer wanted
};

// `current` with the resources of `edit` in place of theirs. An envelope is the whole state:
// it prunes, its hostId must be the host's, and its generation and time do not count. What
// comes back has a generation that is only fit to be replaced (next_generation).
// Errc::invalid, with the parser's own messages, when any resource is bad: a host would keep
// running what it had, and say so, but whoever edits is better told at once.
Result<HostDesiredState> edited(const HostDesiredState& current, const Edit& edit);

// Above the hub's own history and what the host says it holds, so that a hub that was
// restored from a backup does not ask a host to go back. Errc::conflict when the host claims a
// number that leaves no room.
Result<std::uint64_t> next_generation(std::uint64_t newest, std::uint64_t held);

// Sorted by kind and name. Bootstrap data, which may hold secrets, shows only as a digest.
std::vector<ResourceChange> changes(const HostDesiredState& from, const HostDesiredState& to);

}  // namespace holdfast::hub
