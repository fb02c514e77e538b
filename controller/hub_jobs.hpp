// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "hubclient/job_sink.hpp"
#include "jobs/intake.hpp"
#include "journal/journal.hpp"

namespace holdfast {

// Jobs that a hub brings, to the same intake as those of the admin socket; results as the
// journal has them. A hub that sends a job again does not know its result, whatever it
// acknowledged once (it may have been restored from a backup), and gets it again. Thread-safe.
class HubJobs final : public JobSink {
 public:
  HubJobs(jobs::Intake& intake, Journal& journal) : intake_{intake}, journal_{journal} {}

  Result<void> take(const JobEnvelope& envelope) override;
  Result<std::vector<JobResult>> results(std::size_t most) override;
  Result<void> acknowledge(const std::vector<std::string>& payloads) override;

 private:
  jobs::Intake& intake_;
  Journal& journal_;
  Guarded<std::map<std::string, JobResult>> again_{};  // by payload; bounded
};

}  // namespace holdfast
