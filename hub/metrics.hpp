// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace holdfast::hub {

// What is counted while the hub runs. Thread-safe.
struct Metrics {
  using Counter = std::atomic<std::uint64_t>;
  Counter heartbeats{0};
  Counter heartbeats_refused{0};
  Counter syncs{0};
  Counter edits{0};
  Counter jobs_queued{0};
  Counter job_results{0};
  Counter enrolments{0};
  Counter unauthorized{0};
  Counter rate_limited{0};
  Counter alerts{0};
  Counter deliveries_taken{0};
  Counter deliveries_failed{0};
  Counter watch_failures{0};
  Counter watcher_pings{0};
};

// What is measured when it is asked for.
struct HostGauges {
  std::string id{};
  std::string hostname{};
  std::string status{};
  double heartbeat_age = 0;  // seconds
  double pass_age = 0;
  std::uint64_t desired_generation = 0;
  std::uint64_t held_generation = 0;
  std::size_t open_jobs = 0;
};
struct Gauges {
  std::size_t connections = 0;
  std::size_t parked = 0;
  Time certificate_until{};
  Time ca_until{};
  std::vector<HostGauges> hosts{};
};

// The text exposition format 0.0.4 of Prometheus.
std::string to_prometheus(const Metrics& metrics, const Gauges& gauges);
inline constexpr const char* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace holdfast::hub
