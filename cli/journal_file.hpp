// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "journal/journal.hpp"

namespace holdfast::cli {

// The journal in a state directory, to look at: it is never changed, and the daemon may run
// or be dead. Errors say which file and what to do.
Result<std::unique_ptr<Journal>> open_journal(const std::string& state_dir, const Clock& clock);

// Everything in it as JSON, one object per line: operations with their steps (oldest first),
// provenance, accepted state, conditions, tickets and audit. Without secrets.
Result<std::string> export_journal(const Journal& journal);

}  // namespace holdfast::cli
