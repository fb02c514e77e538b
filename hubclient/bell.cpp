// SPDX-License-Identifier: Apache-2.0
#include "hubclient/bell.hpp"

#include <chrono>
#include <utility>

namespace holdfast {

void Bell::ring() {
  *rung_.lock() = true;
  rung_.notify_all();
}

bool Bell::wait(const std::stop_token& stop, Duration at_most) {
  auto rung = rung_.lock();
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  rung.wait_until(stop, deadline, [&] { return *rung; });
  return std::exchange(*rung, false);
}

}  // namespace holdfast
