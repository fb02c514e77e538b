// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hubclient/job_sink.hpp"
#include "jobs/intake.hpp"
#include "journal/journal.hpp"

namespace holdfast {

// Jobs that a hub brings, to the same intake as those of the admin socket; results as the
// journal has them. Thread-safe.
class HubJobs final : public JobSink {
 public:
  HubJobs(jobs::Intake& intake, Journal& journal) : intake_{intake}, journal_{journal} {}

  Result<void> take(const JobEnvelope& envelope) override;
  Result<std::vector<JobResult>> results(std::size_t most) override;
  Result<void> acknowledge(const std::vector<std::string>& payloads) override;

 private:
  jobs::Intake& intake_;
  Journal& journal_;
};

}  // namespace holdfast
