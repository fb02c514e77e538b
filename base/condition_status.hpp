// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

// As in Kubernetes: written "True", "False", "Unknown" wherever people or programs read it.
enum class ConditionStatus { yes, no, unknown };

constexpr std::string_view to_string(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::yes: return "True";
    case ConditionStatus::no: return "False";
    case ConditionStatus::unknown: return "Unknown";
  }
  return "Unknown";
}

}  // namespace holdfast
