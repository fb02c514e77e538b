// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "imaging/options.hpp"

namespace holdfast::imaging {

// One program, started without a shell and with a fixed environment (PATH and LC_ALL=C).
struct Process {
  std::vector<std::string> argv{};
  // Passed as descriptors 3, 4, ...; the child has these, its pipes and nothing else.
  std::vector<int> inherited{};
  std::function<void(std::string_view)> on_stdout{};  // pieces as they come
  std::stop_token stop{};
  IoPriority priority = IoPriority::normal;
};

struct ProcessEnd {
  int exit_status = 0;   // 0..255
  std::string errors{};  // the first 4 KiB of its stderr, without the last newline
};

// Runs it to its end. When asked to stop, kills it: Errc::unavailable, "interrupted". Also
// unavailable when it cannot be started or dies of a signal. If we are killed, its next
// write to stdout kills it too.
Result<ProcessEnd> run(const Process& process);

}  // namespace holdfast::imaging
