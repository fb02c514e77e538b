// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace holdfast::cli {

// Writes name and content of each as a new .tar.gz, mode 0600, whole or not at all.
// Errc::conflict when `path` exists; unavailable, denied or exhausted as the disk says.
Result<void> write_tar_gz(const std::string& path, Time time,
                          const std::vector<std::pair<std::string, std::string>>& files);

}  // namespace holdfast::cli
