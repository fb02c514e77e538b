// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdfast {

// The whole of a file that the configuration names, 1 MiB at most. Errc::not_found, denied,
// invalid (too large) or unavailable.
Result<std::string> read_required_file(const std::string& path);

}  // namespace holdfast
