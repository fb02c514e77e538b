// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdfast::api {

inline constexpr const char* exposition_type = "text/plain; version=0.0.4; charset=utf-8";

// What is counted. Thread-safe.
class Metrics {
 public:
  virtual ~Metrics() = default;
  // Prometheus' text format.
  virtual Result<std::string> exposition() = 0;
};

}  // namespace holdfast::api
