// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "gate/gate.hpp"
#include "host/host.hpp"
#include "journal/journal.hpp"
#include "reconcilers/guest/guest_facts.hpp"

namespace holdfast {

// How far a long step has come; for reports, never for decisions.
struct StepProgress {
  std::string subject{};
  OperationId operation{};
  std::string step{};
  host::Progress progress{};
};
using ProgressSink = std::function<void(const StepProgress&)>;

// Everything a guest reconciler touches. References outlive it.
struct GuestWorld {
  Journal& journal;
  gate::Gate& gate;
  host::Host host;
  const Clock& clock;
  Random& random;
  const DesiredGuests& desired;
  std::string host_id{};
  Logger log{};
  ProgressSink progress{};  // may be empty; called from the working thread
  std::stop_token stop{};   // parks long steps; the next start resumes them
};

}  // namespace holdfast
