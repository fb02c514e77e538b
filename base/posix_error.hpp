// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.hpp"

namespace holdfast {

// The error of a failed system call: "`doing`: No space left on device". What is missing is
// not_found, what is there already is conflict, what may not be touched is denied, no space,
// quota or memory is exhausted, a link or folder where none may be is invalid, and everything
// else is unavailable.
Error posix_error(int error, const std::string& doing);

}  // namespace holdfast
