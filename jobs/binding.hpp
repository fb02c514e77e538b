// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "jobs/verified_job.hpp"
#include "journal/records.hpp"

// Pure: whether a verified job is for here and for now.
namespace holdfast::jobs {

// Host and window. NotYetValid may change by itself; the others do not.
signing::Objection object_to_window(const Job& job, const std::string& host_id, Time now);

// The guest that the job names against what the journal knows of its UUID.
signing::Objection object_to_binding(const VerifiedJob& verified,
                                     const std::optional<Provenance>& row);

// Whose turn in the work queue it takes: "guest/acme", "host".
std::string subject_of(const VerifiedJob& verified, const std::optional<Provenance>& row);

}  // namespace holdfast::jobs
