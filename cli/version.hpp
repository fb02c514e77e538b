// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast::cli {

// Of this program, as the build system says: "0.1.0".
std::string_view program_version();

}  // namespace holdfast::cli
