// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "host/storage.hpp"

// Private to drivers/local.
namespace holdfast::local {

// Writes an ISO 9660 image with Joliet and Rock Ridge names, volume label "cidata", as
// cloud-init's NoCloud source expects (cloudinit/sources/DataSourceNoCloud).
// Replaces `path` atomically; the folder still has to be synced.
Result<void> write_seed_iso(const host::Seed& seed, const std::string& path);

// The virtual size of a qcow2 overlay, and growing it while nobody has it open.
Result<Bytes> overlay_size(const std::string& path);
Result<void> grow_overlay(const std::string& path, Bytes size);

}  // namespace holdfast::local
