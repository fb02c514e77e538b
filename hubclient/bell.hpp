// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace holdfast {

// Wakes the one thread that waits for it; rung before the wait, the wait ends at once.
// Thread-safe.
class Bell {
 public:
  void ring();
  // True when it was rung, which silences it; false after `at_most`, or when `stop` was
  // requested.
  bool wait(const std::stop_token& stop, Duration at_most);

 private:
  Guarded<bool> rung_{false};
};

}  // namespace holdfast
