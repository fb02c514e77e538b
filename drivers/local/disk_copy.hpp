// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "host/storage.hpp"

// Private to drivers/local.
namespace holdfast::local {

// DiskCopies::copy() without its checks of paths; the folder still has to be synced. What the
// filesystem can share is not copied. `bandwidth`: bytes a second, read and written together.
Result<void> copy_disk(const host::CopySource& source, const std::string& path, Bytes size,
                       const host::Transfer& transfer, std::optional<Bytes> bandwidth);

}  // namespace holdfast::local
