// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "base/guarded.hpp"
#include "base/ids.hpp"
#include "reconcilers/guest/guest_world.hpp"

namespace holdfast {

// How far running steps have come, for whoever asks. Lost with the process, on purpose:
// nothing decides by it. Thread-safe.
class ProgressBoard {
 public:
  void post(const StepProgress& progress) { (*running_.lock())[progress.operation] = progress; }
  std::optional<StepProgress> find(OperationId operation) {
    auto running = running_.lock();
    const auto at = running->find(operation);
    return at == running->end() ? std::nullopt : std::optional{at->second};
  }
  // Forgets what was said of `subject`: its pass is over.
  void clear(const std::string& subject) {
    std::erase_if(*running_.lock(),
                  [&](const auto& entry) { return entry.second.subject == subject; });
  }

 private:
  Guarded<std::map<OperationId, StepProgress>> running_{};
};

}  // namespace holdfast
