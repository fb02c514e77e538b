// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"

namespace holdfast {

// Whether a hub's time moves as time does. One that replays what it once said cannot keep its
// clock going without owning up to be a liar; one whose clock was corrected is forgiven as soon
// as it runs again, or is back where it was. Pure: fed with what was seen. Not thread-safe.
class HubClock {
 public:
  // An answer said `server_time`; `elapsed` is our own monotonic time then.
  void saw(Time server_time, Duration elapsed);
  // What is wrong with it, for people; nullopt when nothing is.
  const std::optional<std::string>& problem() const { return problem_; }

 private:
  struct Sight {
    Time server{};
    Duration elapsed{};
  };
  void judge(const Sight& seen);

  std::optional<Sight> anchor_{};       // where the window of judging began
  std::optional<Sight> before_step_{};  // what was seen before it went back
  std::optional<Sight> last_{};
  std::optional<std::string> problem_{};
};

}  // namespace holdfast
