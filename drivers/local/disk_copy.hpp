// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "host/storage.hpp"

// Private to drivers/local.
namespace holdfast::local {

// DiskCopies::copy() without its checks of paths; the folder still has to be synced.
Result<void> copy_disk(const host::CopySource& source, const std::string& path, Bytes size,
                       const host::Transfer& transfer);

}  // namespace holdfast::local
