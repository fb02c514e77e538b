// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "http/message.hpp"
#include "tests/proxmox/api_table.hpp"
#include "tests/proxmox/call.hpp"

namespace holdfast::standin {

// Percent-encoding taken off; what is none stays as it is.
std::string decode_percent(std::string_view text, bool plus_is_space);

// "a=1&b=2": `;` separates as `&` does, `+` is a space, a second '=' ends the value, and a key
// given twice is a list with a NUL between.
Parameters decode_form(std::string_view text);

// What the request carries besides its path. Throws Refusal when its body cannot be read; its
// message is then plain text, not JSON.
Parameters parameters_of(const http::Request& request);

// Whether the schema's permissions let `call` through: 403 otherwise.
void require_permission(const nlohmann::json& permissions, const Call& call);

}  // namespace holdfast::standin
