// SPDX-License-Identifier: Apache-2.0
#include "hub/store.hpp"

#include <future>
#include <utility>

namespace holdfast::hub {

Result<void> Store::commit(Body body) {
  std::promise<Result<void>> promise;
  auto committed = promise.get_future();
  write(std::move(body), [&promise](const Result<void>& result) { promise.set_value(result); });
  return committed.get();
}

std::string_view name_of(Liveness liveness) {
  switch (liveness) {
    case Liveness::alive: return "alive";
    case Liveness::late: return "late";
    case Liveness::dead: return "dead";
  }
  return "dead";
}

bool is_final(const StoredJob& job) {
  return job.state == "done" || job.state == "refused" || job.state == "failed";
}

}  // namespace holdfast::hub
