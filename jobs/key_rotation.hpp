// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "jobs/policy.hpp"
#include "jobs/signed_jobs.hpp"
#include "journal/journal.hpp"
#include "schema/job.hpp"
#include "signing/operators_file.hpp"
#include "signing/refusal.hpp"

namespace holdfast::jobs {

inline constexpr std::string_view rotation_action = "keys.rotate";
// Its params: the whole text of the new file, and the digest of the one it takes the place of.
inline constexpr std::string_view operators_param = "operators";
inline constexpr std::string_view replaces_param = "replaces";
// Of the operation; a journal record.
inline constexpr std::string_view rotation_kind = "keys.rotate";

// Why the new set must not take the place of `now_in_force`: it is not the one that was to be
// replaced, it has lines that are not understood, or it has too few keys to be signed with again.
// Pure.
signing::Objection object_to_rotation(const Job& job, const signing::Operators& in_force,
                                      const Policy& policy, Time now);

// Carries out accepted keys.rotate jobs, as a journaled operation on the subject "host": the
// operators' file is exchanged as a whole, for the text that the old set's keys signed. Killed
// anywhere it is exchanged or it is not, and the journal says which. One caller at a time.
class KeyRotation {
 public:
  KeyRotation(Journal& journal, const Clock& clock, const SignedJobs& jobs,
              signing::OperatorsFile file, Policy policy, Logger log)
      : journal_{journal},
        clock_{clock},
        jobs_{jobs},
        file_{std::move(file)},
        policy_{std::move(policy)},
        log_{std::move(log)} {}

  // Works on what is under way, or else on the oldest that waits. When to call again, nothing
  // while no such job is left.
  Result<std::optional<Duration>> run();

 private:
  Result<std::optional<Operation>> take_up();
  Result<std::optional<Operation>> begin(const JobRecord& record);
  Result<std::optional<Duration>> go_on(const Operation& operation);
  Result<void> exchange(const std::string& job_id, const std::string& replaces) const;

  Journal& journal_;
  const Clock& clock_;
  const SignedJobs& jobs_;
  signing::OperatorsFile file_;
  Policy policy_;
  Logger log_;
};

}  // namespace holdfast::jobs
