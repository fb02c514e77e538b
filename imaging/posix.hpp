// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/posix_error.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace holdfast::imaging {

// An existing regular file, for reading. Never follows a link in the last component, never
// blocks on a FIFO. `at` is a directory's descriptor, or AT_FDCWD.
Result<UniqueFd> open_regular(int at, const std::string& name);
Result<UniqueFd> open_directory(const std::string& path);
Result<struct stat> stat_of(int fd, const std::string& path);

// As many bytes as there are, up to the end of `into`; fewer only at the end of the file.
Result<std::size_t> read_at(int fd, std::uint64_t offset, std::span<std::byte> into,
                            const std::string& path);
Result<void> write_at(int fd, std::uint64_t offset, std::span<const std::byte> bytes,
                      const std::string& path);

Result<void> sync_file(int fd, const std::string& path);
// Makes names that were created, renamed or removed in the folder durable.
Result<void> sync_directory(const std::string& path);

// The folder that `path` lies in; "." for a bare name.
std::string parent_of(const std::string& path);

}  // namespace holdfast::imaging
