// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "imaging/opened_image.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// Errc::exhausted, with both numbers, when what a restore would still write to `file` (called
// `path`) is certain not to fit there; `present` as in Skips, or empty. Where it only might not
// fit, all of the image is read once to find out. Leaves to the first failing write what cannot
// be known before: a plain zstd or a qcow2 image, and a filesystem that compresses.
Result<void> check_room(const OpenedImage& image, const std::vector<char>& present, int file,
                        const std::string& path, const Options& options);

}  // namespace holdfast::imaging
