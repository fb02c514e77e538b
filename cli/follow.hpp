// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "cli/commands.hpp"

namespace holdfast::cli {

// Shows the operation's progress until it ends or `limit` has passed. done: it succeeded.
// differs: time ran out. failed: it turned back, or waits for a person; both are said.
Result<Exit> follow_operation(const Invocation& invocation, OperationId id, Duration limit);

// Shows what is being done until the resources of `text` (laid over what the host accepted) are
// there as they are wanted; how other guests stand does not matter. done: in sync. differs:
// time ran out, or only refused changes are left. failed: an operation that is in the way waits
// for a person.
Result<Exit> follow_until_in_sync(const Invocation& invocation, const std::string& text,
                                  Duration limit);

}  // namespace holdfast::cli
