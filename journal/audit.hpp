// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {

// Walks the whole chain and compares its end with the head that is stored apart from it.
// Errc::corrupt names the first entry that was edited, removed, moved or added.
Result<void> verify_audit_chain(sqlite::Connection& database);

}  // namespace holdfast
