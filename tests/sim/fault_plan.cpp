// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/fault_plan.hpp"

namespace holdfast::sim {

void FaultPlan::script(const Fault& fault) {
  scripted_.push_back(fault);
  is_quiet_ = false;
}

void FaultPlan::set_rate(FaultKind kind, unsigned per_million) {
  rates_[static_cast<std::size_t>(kind)] = per_million;
  is_quiet_ = false;
}

void FaultPlan::calm() {
  scripted_.clear();
  rates_.fill(0);
  is_quiet_ = true;
}

bool FaultPlan::draw(FaultKind kind, Call call) {
  for (auto fault = scripted_.begin(); fault != scripted_.end(); ++fault) {
    if (fault->kind != kind || (fault->call && *fault->call != call)) continue;
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    if (--fault->times == 0) scripted_.erase(fault);
    ++struck_;
    return true;
  }
  const unsigned rate = rates_[static_cast<std::size_t>(kind)];
  if (rate == 0 || random_.below(1'000'000) >= rate) return false;
  ++struck_;
  return true;
}

}  // namespace holdfast::sim
