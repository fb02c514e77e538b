// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "schema/report.hpp"

namespace holdfast::api {

// What an operator may ask about the hub this host works for. Thread-safe.
class HubControl {
 public:
  virtual ~HubControl() = default;
  // `token` as `holdfast hub enroll-token` printed it; it is spent by this.
  virtual Result<HubReport> enroll(const std::string& url, const std::string& token) = 0;
};

}  // namespace holdfast::api
