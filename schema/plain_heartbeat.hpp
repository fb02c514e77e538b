// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "schema/hub_protocol.hpp"

// Private to schema/.
namespace holdfast {

// A heartbeat in the plain form that hosts send, thousands of which a hub reads each second:
// known fields, each once, in any order, no escapes. Nothing for any other text, be it good or
// bad: that is for the general reader, which says what is wrong.
std::optional<Heartbeat> read_plain_heartbeat(std::string_view json);

}  // namespace holdfast
