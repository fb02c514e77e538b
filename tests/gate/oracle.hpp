// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gate/facts.hpp"

namespace holdfast::gate {

// The name of the rule of the design under which `facts` may happen, or nullptr. Written
// from the design's table alone, as a list of what is allowed; shares no code with gate/.
const char* oracle_rule(const Facts& facts);

}  // namespace holdfast::gate
