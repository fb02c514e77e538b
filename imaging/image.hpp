// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "imaging/frame_tree.hpp"
#include "imaging/options.hpp"

// Moving whole disk images: restore, verify, describe. Callers name files and get
// durable files or an error; how the bytes travel stays behind these functions.
// All functions are thread-safe as long as two calls do not share a target.
namespace holdfast::imaging {

enum class Format { raw, raw_zst, qcow2 };

// "raw", "raw.zst", "qcow2": as written in image.json.
std::string_view to_string(Format format);
std::optional<Format> format_from_string(std::string_view text);

// One disk image and what its content must be.
struct Source {
  std::string path{};
  Format format = Format::raw;
  std::uint64_t virtual_size = 0;   // bytes of the disk the guest sees
  std::string sha256{};             // of those bytes, 64 lower-case hex digits; empty: not checked
  std::optional<FrameTree> tree{};  // of those bytes; a restore then leaves `sha256` alone
};

struct Restored {
  std::uint64_t virtual_size = 0;
  std::uint64_t data_bytes = 0;  // that were written; for a clone, not in holes
  std::uint64_t kept_bytes = 0;  // that a killed restore had left there already
  bool is_clone = false;         // shares its blocks with the image's file
};

// Writes the image's content to the new file `target`, sparse (blocks of 64 KiB of zeros
// are holes). On success the content was checked and is durable under its name, mode
// 0600; until then it is `target` + ".partial". Where the image has a tree, a later call
// goes on from what a killed one left there and is right; otherwise it starts over. On any
// error the partial file is gone (unless the process was killed, or a stop was asked for
// and Options::keeps_partial is set).
//   conflict     `target` exists, another process is restoring to it, or the image was
//                written to meanwhile
//   not_found    no image, or no folder for the target
//   invalid      size or hash differ (both are named), damaged or unsafe image
//   exhausted    no space left
//   unavailable  I/O error (with its offset), or interrupted
Result<Restored> restore(const Source& source, const std::string& target, const Options& options);

// Writes the image's content over a block device that nobody uses, at its beginning. Everything
// that was there up to the image's size is lost, also when it fails: then the device holds no
// disk, for its first 64 KiB are written last and stay zeros until all else is durable.
// Starts over when it was killed.
//   conflict     the device is mounted or otherwise in use
//   invalid      no block device, or smaller than the disk; otherwise as restore()
Result<Restored> restore_over_device(const Source& source, const std::string& device,
                                     const Options& options);

// Reads the whole image and checks its size and hash, without writing. A qcow2 image is
// unpacked to an unlinked file under $TMPDIR (or /var/tmp), so it needs room there.
// Same errors as restore(); of several damaged frames the foremost is named. With no hash
// given, checks that the image can be read.
Result<void> verify(const Source& source, const Options& options);

struct ImageInfo {
  Format format = Format::raw;
  std::uint64_t file_size = 0;                  // bytes
  std::optional<std::uint64_t> virtual_size{};  // absent when a zstd frame does not say
  std::optional<std::uint64_t> frames{};        // of a zstd file with a seek table
};

// What the file says of itself: format by magic number (anything unknown is raw). Reads
// headers only. `invalid` for a damaged header, or a qcow2 image that names other files.
Result<ImageInfo> describe(const std::string& path);

}  // namespace holdfast::imaging
