// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "imaging/opened_image.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// Unpacks a qcow2 image to the empty file `target`, then reads that back for its hash. Each
// of the two counts as half of the progress. How many bytes are data.
Result<std::uint64_t> unpack_qcow2(const OpenedImage& image, int target, const Options& options);

// A file under $TMPDIR, or /var/tmp, that goes away when it is closed.
Result<UniqueFd> unnamed_file();

Result<std::uint64_t> count_data(int fd, const std::string& path);

}  // namespace holdfast::imaging
