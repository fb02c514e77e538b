// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace holdfast {

// Replaces the file at `path`: readers see the old content or the new one, also after a power
// loss. Never has wider permissions than `mode`. Errc::exhausted, denied, not_found (its
// folder) or unavailable.
Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode);

// The whole file; nullopt when there is none. Errc::invalid when it is larger than `most`.
Result<std::optional<std::string>> read_file(const std::string& path, std::size_t most);

}  // namespace holdfast
