// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "gate/authority.hpp"
#include "jobs/clock_guard.hpp"
#include "jobs/verified_job.hpp"
#include "journal/journal.hpp"
#include "signing/operators_file.hpp"

namespace holdfast::jobs {

// The code in an Error of SignedJobs, for the job's record: "UnknownSigner"; empty when it has
// none.
std::string code_in(const Error& error);

// Accepted jobs, read from what was signed each time they are asked for and judged by the keys
// that count at that moment: a row that somebody wrote into the database has no signature, and
// a key that was taken out has no word any more, not even for what it signed before.
// References outlive it. Thread-safe.
class SignedJobs {
 public:
  SignedJobs(const Journal& journal, const Clock& clock, ClockGuard& guard,
             signing::OperatorsFile operators, Policy policy, std::string host_id)
      : journal_{journal},
        clock_{clock},
        guard_{guard},
        operators_{std::move(operators)},
        policy_{std::move(policy)},
        host_id_{std::move(host_id)} {}

  // The job while it waits or runs; nothing when there is none of that id, or it has ended: a job
  // is used once. Errc::denied, naming the code, when it would not be believed today.
  // Errc::unavailable: the clock is not sound, or the operators' file cannot be read now.
  Result<std::optional<VerifiedJob>> find(const std::string& job_id) const;

  // The same as the gate needs it; nothing, too, for actions that the gate is not asked about.
  Result<std::optional<gate::Authority>> authority(const std::string& job_id) const;

 private:
  const Journal& journal_;
  const Clock& clock_;
  ClockGuard& guard_;
  signing::OperatorsFile operators_;
  Policy policy_;
  std::string host_id_;
};

}  // namespace holdfast::jobs
