// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace holdfast::host {

struct TaskState {
  bool is_running = false;
  std::string warnings{};          // of its log, in one line; it succeeded nevertheless
  std::optional<Error> failure{};  // how it ended; nothing: well
};

// For providers whose changes are tasks of their own, which go on without whoever began
// them. Calls to the other ports wait for theirs, but not for long where somebody watches:
// they answer Errc::unavailable then, and the task goes on. Thread-safe.
class Tasks {
 public:
  // Told a task's id before anybody waits for it. An Error ends the call that began it.
  using Begun = std::function<Result<void>(const std::string& task)>;

  virtual ~Tasks() = default;
  // From now on `begun` is told each task that a change of `uuid` begins. One watcher a guest:
  // whoever holds the guest's lock. An empty function ends it.
  virtual void watch(const Uuid& uuid, Begun begun) = 0;
  // Errc::not_found: the provider has forgotten it, or it is no task of its.
  virtual Result<TaskState> look(const std::string& task) = 0;
};

}  // namespace holdfast::host
