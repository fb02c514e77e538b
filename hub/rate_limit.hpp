// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace holdfast::hub {

// A bucket of tokens: `burst` at once, `per_second` after that. A pure value.
struct Bucket {
  double tokens = 0;
  Duration at{};

  // Takes one; false when there is none.
  bool take(Duration now, double per_second, double burst);
};

// A bucket for each name, of at most `max_names`; full ones are forgotten, so that what
// somebody sends cannot fill memory. Thread-safe.
class RateLimit {
 public:
  RateLimit(double per_second, double burst, std::size_t max_names = 65'536)
      : per_second_{per_second}, burst_{burst}, max_names_{max_names} {}

  bool allows(const std::string& name, Duration now);

 private:
  using Buckets = std::unordered_map<std::string, Bucket>;
  void forget_full(Buckets& buckets, Duration now) const;

  double per_second_;
  double burst_;
  std::size_t max_names_;
  Guarded<Buckets> buckets_{};
};

}  // namespace holdfast::hub
