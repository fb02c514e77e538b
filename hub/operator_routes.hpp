// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "http/message.hpp"
#include "hub/operator_desk.hpp"

namespace holdfast::hub {

// What a route may use. `metrics` gives the text of GET /metrics.
struct OperatorApi {
  OperatorDesk& desk;
  Hosts& hosts;
  std::function<std::string()> metrics{};
};

// The answer to an operator whose key was checked. Waits for the disk.
http::Response answer_operator(const OperatorApi& api, const Operator& who,
                               const http::Request& request);

}  // namespace holdfast::hub
