// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast {

// JSON text as YAML for people: block style, long texts as literals, strings that would
// read as something else in quotes. Reading it back gives the same tree.
// Errc::invalid when `json` is not JSON.
Result<std::string> json_to_yaml(std::string_view json);
// Indented JSON with sorted keys and a final newline, for `-o json`.
Result<std::string> indent_json(std::string_view json);

}  // namespace holdfast
