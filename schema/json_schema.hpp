// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace holdfast {

// The kinds with a published JSON Schema: "Guest", "Image", "HostConfig", "HostDesiredState".
const std::vector<std::string>& json_schema_kinds();
// The JSON Schema (draft 7) of `kind`, indented: what schema/v1/*.schema.json hold. It is
// made from the same tables that drive the parser. Errc::not_found for another kind.
Result<std::string> json_schema(std::string_view kind);

}  // namespace holdfast
