// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace holdfast {

// The files of journal/migrations/, in order, as the build found them: the first makes
// version 1 from nothing. A released one is never edited; a change is a new file.
const std::vector<std::string>& journal_migrations();

}  // namespace holdfast
