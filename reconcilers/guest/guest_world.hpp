// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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

// A signed order for something that needs no permit. All of it was signed.
struct FreeOrder {
  std::string action{};  // "guest.backup"
  std::string job{};
  Uuid uuid{};  // of the guest that it speaks of
  Incarnation incarnation{};
  Time expires{};
  std::map<std::string, std::string> params{};

  std::string param(const std::string& name) const {
    const auto found = params.find(name);
    return found == params.end() ? std::string{} : found->second;
  }
};

// Where a signed order is found again after a restart: an operation remembers only the
// job's id, so that nothing written in a journal can stand in for a signature. Thread-safe.
class Authorities {
 public:
  virtual ~Authorities() = default;
  // The verified order, read anew from what was signed; nothing when there is none.
  virtual Result<std::optional<gate::Authority>> find(const std::string& job_id) const = 0;
  // The same for an order that the gate is not asked about.
  virtual Result<std::optional<FreeOrder>> find_free(const std::string& job_id) const {
    static_cast<void>(job_id);
    return std::optional<FreeOrder>{};
  }
};

// For hosts that accept no signed orders: knows none.
class NoAuthorities final : public Authorities {
 public:
  Result<std::optional<gate::Authority>> find(const std::string&) const override {
    return std::optional<gate::Authority>{};
  }
};

// Everything a guest reconciler touches. References outlive it.
struct GuestWorld {
  Journal& journal;
  gate::Gate& gate;
  host::Host host;
  const Clock& clock;
  Random& random;
  const DesiredGuests& desired;
  const Authorities& authorities;
  std::string host_id{};
  std::string provider = "libvirt";  // what `host` is
  Logger log{};
  ProgressSink progress{};  // may be empty; called from the working thread
  std::stop_token stop{};   // parks long steps; the next start resumes them
};

}  // namespace holdfast
