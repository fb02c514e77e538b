// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/environment.hpp"

namespace holdfast::cli {

// The whole program: `arguments` without the program's name, the answer in `environment`.
// Returns its exit status: 0 done or in sync, 1 differs, 2 error.
int run(const std::vector<std::string>& arguments, Environment& environment);

}  // namespace holdfast::cli
