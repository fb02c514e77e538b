// SPDX-License-Identifier: Apache-2.0
#include "journal/operation.hpp"

namespace holdfast {

std::string_view to_string(StepState state) {
  switch (state) {
    case StepState::pending: return "pending";
    case StepState::begun: return "begun";
    case StepState::done: return "done";
    case StepState::undone: return "undone";
  }
  return "unknown";
}

std::string_view to_string(OperationState state) {
  switch (state) {
    case OperationState::open: return "open";
    case OperationState::rolling_back: return "rolling_back";
    case OperationState::succeeded: return "succeeded";
    case OperationState::rolled_back: return "rolled_back";
    case OperationState::stuck: return "stuck";
  }
  return "unknown";
}

}  // namespace holdfast
