// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <unordered_map>

#include "base/ids.hpp"

namespace holdfast::libvirt {

// The guests of which a call was given up and has not come back: their QEMU does not answer
// (its disk hangs, say). Nobody asks them anything else meanwhile, since each question would
// hold a thread here and one of the daemon's few. Thread-safe.
class SilentGuests {
 public:
  // A call of this guest was given up.
  void gave_up(const Uuid& guest);
  // One that was given up came back. True: it was the last.
  bool came_back(const Uuid& guest);
  bool contains(const Uuid& guest) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<Uuid, unsigned> calls_{};  // that have not come back
};

}  // namespace holdfast::libvirt
