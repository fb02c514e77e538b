// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "jobs/action.hpp"
#include "jobs/policy.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/job.hpp"
#include "signing/quorum.hpp"

namespace holdfast::jobs {

// A job whose signatures were verified over exactly the bytes that it was parsed from.
struct VerifiedJob {
  Job job{};
  Meaning meaning{};
  std::vector<signing::Signer> signers{};
};

// Signatures first, with the least that any job takes; only then the payload is parsed, and
// what its action takes is demanded. Pure. Says nothing of host, guest or time window.
signing::Judged<VerifiedJob> verify_job(const JobEnvelope& envelope, const signing::KeySet& keys,
                                        const Policy& policy, Time now);

}  // namespace holdfast::jobs
