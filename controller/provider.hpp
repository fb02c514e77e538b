// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "host/host.hpp"
#include "schema/admin_report.hpp"
#include "schema/agent_config.hpp"

namespace holdfast {

// What this host's guests live on, with everything that belongs to it. Part of the program and
// not of the layer: it sees drivers/.
class Provider {
 public:
  virtual ~Provider() = default;
  // As agent.yaml says. Succeeds also while the provider is away. `clock` outlives the result.
  static Result<std::unique_ptr<Provider>> open(const AgentConfig& config, const Clock& clock,
                                                const Logger& log);

  virtual host::Host ports() = 0;
  // Whether it can be used, piece by piece; an Error when it cannot be asked.
  virtual Result<ProviderReport> check() = 0;
  virtual Result<std::vector<TargetReport>> targets() = 0;
};

}  // namespace holdfast
