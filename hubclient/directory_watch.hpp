// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/unique_fd.hpp"

namespace holdfast {

// Calls `changed`, from its own thread, soon after something in `directory` was written,
// renamed or removed. A hint only: a directory that is not there yet, or a filesystem
// that tells nothing, is caught by the resync. Stops when destroyed.
class DirectoryWatch {
 public:
  DirectoryWatch(std::string directory, std::function<void()> changed);

 private:
  void run(const std::stop_token& stop) const;

  std::string directory_;
  std::function<void()> changed_;
  UniqueFd wake_;  // an eventfd that ends the poll
  std::jthread thread_;
};

}  // namespace holdfast
