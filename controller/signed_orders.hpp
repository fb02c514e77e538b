// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "controller/host_conditions.hpp"
#include "host/host.hpp"
#include "jobs/intake.hpp"
#include "jobs/key_rotation.hpp"
#include "jobs/signed_jobs.hpp"
#include "reconcilers/guest/guest_world.hpp"

namespace holdfast {

// How this host's owner set up signed jobs: agent.yaml.
struct SignedOrdersSettings {
  std::string operators{};  // the file of operators' keys
  std::map<std::string, std::uint32_t> signers{};
  bool requires_synchronized_clock = true;
  std::uint32_t owner = 0;  // who must own the file; root but in tests
};

// What signed orders are built over. References, and the ports of `host`, outlive them.
struct SignedOrdersParts {
  Journal& journal;
  const Clock& clock;
  host::Host host;
  std::string host_id{};
  SignedOrdersSettings settings{};
  Logger log{};
};

// Signed jobs, put together for one daemon: taking them, giving their authority to operations,
// and the ones that are about the host itself. Thread-safe, but for work_on_host().
class SignedOrders final : public Authorities, public jobs::GuestPrints {
 public:
  explicit SignedOrders(SignedOrdersParts parts);

  // Called with the subject of each job that is accepted from now on.
  void on_accepted(std::function<void(const std::string&)> wake);

  jobs::Intake& intake() { return intake_; }

  Result<std::optional<gate::Authority>> find(const std::string& job_id) const override;
  Result<std::optional<FreeOrder>> find_free(const std::string& job_id) const override;
  Result<std::string> fingerprint(const Uuid& uuid) override;

  // Says what is wrong with the operators' keys and with the clock, and carries out keys.rotate.
  // When to call again; nothing while there is nothing to do. The host thread's alone.
  Result<std::optional<Duration>> work_on_host();

 private:
  Result<bool> report_keys();  // whether any may sign
  ConditionRecord judge_keys() const;
  Result<void> report_clock();
  Result<void> say(const ConditionRecord& condition);

  host::Host host_;
  const Clock& clock_;
  SignedOrdersSettings settings_;
  Logger log_;
  signing::OperatorsFile file_;
  jobs::SystemKernelClock system_clock_{};
  jobs::TrustedKernelClock trusted_clock_{};
  jobs::ClockGuard guard_;
  jobs::Intake intake_;
  jobs::SignedJobs jobs_;
  jobs::KeyRotation rotation_;
  ConditionKeeper conditions_;
  Duration started_{};  // on the clock's elapsed()
  Guarded<std::function<void(const std::string&)>> wake_{};
};

}  // namespace holdfast
