// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace holdfast::cli {

// The JSON of an operation or of desired state without what may be secret: bootstrap data
// (cloud-init), seeds made of it, and whatever is called a password, token, secret or key.
// JSON inside of strings is looked into. What is no JSON is left out as a whole, since
// nothing can be told of it. Empty stays empty.
std::string without_secrets(std::string_view json);

}  // namespace holdfast::cli
