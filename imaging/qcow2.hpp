// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "imaging/options.hpp"

// QCOW2 images, version 2 and 3 (header: docs/interop/qcow2.txt of QEMU). The header is
// checked here; the clusters are left to `qemu-img`.
namespace holdfast::imaging {

inline constexpr std::size_t qcow2_header_size = 104;  // bytes; 72 of them in version 2

bool is_qcow2(std::span<const std::byte> head);

// The virtual size, in bytes. Errc::invalid for a header that is damaged, marked corrupt,
// encrypted, or that names a backing or data file: a golden image stands alone and must not
// make us read any other file of the host.
Result<std::uint64_t> check_qcow2(std::span<const std::byte> head, const std::string& path);

struct Conversion {
  int source = -1;         // descriptor of the qcow2 file
  int target = -1;         // of a new file that already has the virtual size; read and write
  std::string name{};      // of the image, for messages
  bool is_direct = false;  // the target's filesystem lets writes pass by the page cache
  std::uint64_t max_bytes_per_second = 0;  // written; 0: no limit
  IoPriority priority = IoPriority::normal;
  std::function<void(double)> on_percent{};
  std::stop_token stop{};
};

// Fills the target with the image's content, leaving holes. Errc::invalid when qemu-img
// finds the image damaged, exhausted, unavailable.
Result<void> convert_qcow2(const Conversion& conversion);

}  // namespace holdfast::imaging
