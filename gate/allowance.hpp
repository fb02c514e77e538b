// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace holdfast {

// Lets `most` through at once and then one each `period`. Not thread-safe.
class Allowance {
 public:
  Allowance(long most, Duration period) : most_{most}, period_{period}, left_{most} {}

  // `now` is on a clock's elapsed().
  bool take(Duration now) {
    const auto earned = (now - since_) / period_;
    if (earned > 0) {
      left_ = std::min(most_, left_ + static_cast<long>(earned));
      since_ += earned * period_;
    }
    if (left_ == most_) since_ = now;
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  long most_;
  Duration period_;
  long left_;
  Duration since_{};
};

}  // namespace holdfast
