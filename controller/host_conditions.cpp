// SPDX-License-Identifier: Apache-2.0
#include "controller/host_conditions.hpp"

#include "journal/writes.hpp"

namespace holdfast {

Result<bool> ConditionKeeper::set(const std::string& subject, const ConditionRecord& condition) {
  const auto key = std::make_pair(subject, condition.type);
  if (const auto known = said_.find(key); known != said_.end()) {
    const ConditionRecord& said = known->second;
    if (said.status == condition.status && said.reason == condition.reason &&
        said.message == condition.message &&
        said.observed_generation == condition.observed_generation)
      return false;
  }
  TRY(journal_.commit([&](Writes& writes) { return writes.put(subject, condition); }));
  said_[key] = condition;
  return true;
}

}  // namespace holdfast
