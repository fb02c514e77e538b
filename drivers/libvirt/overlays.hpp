// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/quantity.hpp"

// The qcow2 files that snapshots leave beside a disk, and what they rest on.
namespace holdfast::libvirt {

// What the head of a disk file says (QEMU's docs/interop/qcow2.txt); raw when it is no qcow2.
struct DiskHead {
  bool is_qcow2 = false;
  Bytes size{};           // virtual
  std::string backing{};  // absolute; empty for none
};
// Errc::unavailable when the file cannot be read.
Result<DiskHead> read_disk_head(const std::string& path);

// `path` and what it rests on, top first. Errc::corrupt when it is a ring or too long.
Result<std::vector<std::string>> read_chain(const std::string& path);

// All qcow2 files beside `base` that rest directly on it.
Result<std::vector<std::string>> find_dependents(const std::string& base);

// A path beside `base` that does not exist: `<disk>@<snapshot>.qcow2`, or with a number.
std::string free_overlay_path(const std::string& base, const std::string& disk,
                              const std::string& snapshot);

// The following run qemu-img (Errc::unavailable with its words when it fails) and may be
// repeated. None while a guest uses the files.

// A new, empty overlay over `base`.
Result<void> create_overlay(const std::string& overlay, const std::string& base,
                            const std::string& base_format);
// Writes what `overlay` holds into the `base` below it; the overlay stays as it is.
Result<void> commit_overlay(const std::string& overlay, const std::string& base);
// Makes `overlay` rest on `base`, whose content is that of what it rested on before.
Result<void> rebase_overlay(const std::string& overlay, const std::string& base,
                            const std::string& base_format);

}  // namespace holdfast::libvirt
