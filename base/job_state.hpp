// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace holdfast {

// accepted: verified, its id spent, waiting for its turn. running: an operation was begun
// for it. The other three are ends: nothing follows them.
enum class JobState { accepted, running, done, refused, failed };

constexpr std::string_view to_string(JobState state) {
  switch (state) {
    case JobState::accepted: return "accepted";
    case JobState::running: return "running";
    case JobState::done: return "done";
    case JobState::refused: return "refused";
    case JobState::failed: return "failed";
  }
  return "failed";
}

}  // namespace holdfast
