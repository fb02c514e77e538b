// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::cli {

// What the daemon and the hub answer when they refuse, as they meant it: by kind and message.
// `who` is named where the answer says nothing.
Error error_of(const http::Response& response, const std::string& who);

// "/NAME": one part of a path. Names with a slash cannot be asked for: servers refuse them.
Result<std::string> path_part(const std::string& name);

}  // namespace holdfast::cli
