// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "journal/runner.hpp"
#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_world.hpp"

// Signed jobs, from the moment they wait in the journal. Private to the folder.
namespace holdfast {

// Why a job ends as refused beside the gate's own codes. Stable: they are reported.
namespace job_code {
inline constexpr std::string_view expired = "Expired";
inline constexpr std::string_view not_verified = "NotVerified";    // its keys are not trusted now
inline constexpr std::string_view replayed = "ReplayedJob";        // the guest's marker names it
inline constexpr std::string_view too_many_jobs = "TooManyJobs";   // the marker has no room
inline constexpr std::string_view not_supported = "NotSupported";  // no guest can do this
inline constexpr std::string_view name_taken = "NameTaken";
inline constexpr std::string_view no_snapshot = "NoSnapshot";
}  // namespace job_code

// What became of the jobs of one guest that waited.
struct JobTurn {
  bool is_taken = false;            // one was begun, or ended: there is more to look at
  std::optional<Duration> waits{};  // one is not due yet; by then it is, or has ended
};

// Takes up the oldest job of the guest `name` that is due: begins its operation in the same
// commit that marks it running, or ends it as refused or failed. A reimage that desired state
// does not want waits up to a minute for the generation that does: they travel by separate
// ways. Errc::unavailable, exhausted: all of them go on waiting.
Result<JobTurn> take_up_job(const GuestWorld& world, const std::string& name);
// Ends what expired while it waited.
Result<void> end_expired_jobs(const GuestWorld& world, std::string_view subject);

// How `op` ends: with what its own table says and, in the same commit, the result of the
// job it was begun for.
Result<RunPolicy> policy_of(const GuestWorld& world, const Operation& op,
                            const GuestOperation& operation);

}  // namespace holdfast
