// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "imaging/image.hpp"

// A golden image as it travels: a directory, or a .tar, .tar.gz or .tar.zst of one, with
// image.json and the files that it names. This folder does not know the manifest's
// fields: the caller parses it and says which files must be there.
namespace holdfast::imaging {

// One file next to image.json.
struct BundleFile {
  std::string name{};                   // one path component: letters, digits, . _ + -
  std::optional<std::uint64_t> size{};  // bytes of the file, checked when given
  std::string sha256{};                 // of the file, 64 lower-case hex digits; required
};

struct Bundle {
  std::string manifest{};  // bytes of image.json, stored as they are
  std::vector<BundleFile> files{};
};

inline constexpr std::uint64_t max_manifest_size = 8 * 1024 * 1024;  // bytes

// The bytes of image.json in the directory or archive at `path`. In an archive it may lie
// at the top or in one folder. Errors: not_found, invalid (too large, links, entries
// that leave the archive), unavailable.
Result<std::string> read_manifest(const std::string& path);

// Copies the bundle's manifest and files from `path` to the new directory `target_dir`,
// each file's hash checked on the way. Built in `target_dir` + ".partial" (started over
// when a killed import left one), durable before it is renamed. Parents of `target_dir`
// are created. Files that are not named are left out. Links are never followed, and an
// archive with a link, a device, an absolute path or ".." is refused as a whole.
//   conflict     `target_dir` exists, or another process is importing to it
//   not_found    no bundle, or it lacks a file
//   invalid      hash or size differ (both are named), or the archive is damaged or unsafe
//   exhausted    no space left
//   unavailable  I/O error, or interrupted
Result<void> import_files(const std::string& path, const Bundle& bundle,
                          const std::string& target_dir, const Options& options);

// Reads every file of an imported bundle and compares size and hash. The first
// difference is an `invalid` error that names the file.
Result<void> verify_files(const std::string& dir, const std::vector<BundleFile>& files,
                          const Options& options);

}  // namespace holdfast::imaging
