// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "api/metrics.hpp"
#include "controller/engine.hpp"
#include "controller/hub_watch.hpp"

namespace holdfast {

// What a Prometheus scrapes from this host. Thread-safe.
class DaemonMetrics final : public api::Metrics {
 public:
  DaemonMetrics(Engine& engine, const HubWatch& hub, std::string version)
      : engine_{engine}, hub_{hub}, version_{std::move(version)} {}

  Result<std::string> exposition() override;

 private:
  Engine& engine_;
  const HubWatch& hub_;
  std::string version_;
};

}  // namespace holdfast
