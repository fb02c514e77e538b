// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/executed_jobs.hpp"

#include <algorithm>

namespace holdfast {

bool was_executed(const host::Marker& marker, const std::string& job) {
  return std::any_of(marker.jobs.begin(), marker.jobs.end(),
                     [&](const host::ExecutedJob& executed) { return executed.id == job; });
}

bool has_room_for_job(const host::Marker& marker, Time now) {
  const auto alive =
      std::count_if(marker.jobs.begin(), marker.jobs.end(),
                    [&](const host::ExecutedJob& executed) { return executed.expires > now; });
  return static_cast<std::size_t>(alive) < most_executed_jobs;
}

host::Marker with_job(host::Marker marker, const host::ExecutedJob& job, Time now) {
  std::erase_if(marker.jobs, [&](const host::ExecutedJob& executed) {
    return executed.id == job.id || executed.expires <= now;
  });
  marker.jobs.push_back(job);
  marker.last_job = job.id;
  return marker;
}

}  // namespace holdfast
