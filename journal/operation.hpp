// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace holdfast {

enum class StepState { pending, begun, done, undone };

// `open` goes forward, `rolling_back` only back. A `stuck` operation waits for a
// person (`holdfast journal retry|rollback`); it still holds its subject.
enum class OperationState { open, rolling_back, succeeded, rolled_back, stuck };

std::string_view to_string(StepState state);
std::string_view to_string(OperationState state);

// One journaled, multi-step change of one subject. The journal does not know what
// a guest is: kind, subject and input are text that only their operation reads.
struct Operation {
  OperationId id{};
  std::string kind{};     // which step table runs it: "guest.create"
  std::string subject{};  // whose turn it takes in the work queue: "guest/acme"
  std::string input{};    // JSON: everything the steps need, fixed at begin
  OperationState state = OperationState::open;
  bool forward_only = false;  // set at begin, or by a finished step with no return
  int attempts = 0;           // begun effects since the last one that finished
  std::string cause{};        // why it turned back, or is stuck
  Time started{};
  Time updated{};
};

// What the journal remembers of one step. `input` is what was about to be done,
// `output` what came of it, `task` the provider's id of work still running.
struct StepRecord {
  std::string name{};
  StepState state = StepState::pending;
  std::string input{};
  std::string output{};
  std::string task{};
  Time begun{};
  Time ended{};
};

}  // namespace holdfast
