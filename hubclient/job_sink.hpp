// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// Where jobs from a hub go, and where their results come from. Thread-safe.
class JobSink {
 public:
  virtual ~JobSink() = default;
  // Verifies and keeps the job, or keeps why not: durable when it returns, and safe to repeat,
  // since a hub sends a job until it knows the result. An error says that neither was
  // possible; the job will come again.
  virtual Result<void> take(const JobEnvelope& envelope) = 0;
  // What the hub does not know yet, oldest first.
  virtual Result<std::vector<JobResult>> results(std::size_t most) = 0;
  // The hub knows these final results, named by the digest of their job's payload.
  virtual Result<void> acknowledge(const std::vector<std::string>& payloads) = 0;
};

// For a daemon that carries out no jobs.
class NoJobs final : public JobSink {
 public:
  Result<void> take(const JobEnvelope&) override { return ok(); }
  Result<std::vector<JobResult>> results(std::size_t) override { return std::vector<JobResult>{}; }
  Result<void> acknowledge(const std::vector<std::string>&) override { return ok(); }
};

}  // namespace holdfast
