// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/engine_site.hpp"

namespace holdfast::sim {

// One run of an operation: whom it listens to, and where it happens.
struct Stage {
  Hub& hub;
  Scenario& scenario;

  void want(Resources resources) const { hub.want(std::move(resources), scenario.clock().now()); }
};

// One operation on guests of a host, from a settled state to another.
struct CampaignOperation {
  std::string name{};
  Resources before{};                           // wanted, and settled
  std::function<void(const Stage&)> prepare{};  // more of the beginning; may be empty
  std::function<void(const Stage&)> act{};
  std::function<bool(const SimWorld&)> is_done{};  // of the end
  bool may_stop_guests = false;
  bool waits_for_stop = false;  // a power loss brings it about
  std::size_t rarer = 1;        // of many points: so many times fewer second deaths
};

// Every operation that reconcilers/guest/ has, each in the ways in which it runs.
std::vector<CampaignOperation> campaign_operations();

}  // namespace holdfast::sim
