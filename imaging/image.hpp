// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"

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
  std::uint64_t virtual_size = 0;  // bytes of the disk the guest sees
  std::string sha256{};            // of those bytes, 64 lower-case hex digits; empty: not checked
};

struct Progress {
  std::uint64_t done = 0;   // bytes
  std::uint64_t total = 0;  // bytes of virtual size, or of files when importing
};

struct Options {
  // Called on the caller's thread, at most ten times a second and once at the end.
  std::function<void(const Progress&)> on_progress{};
  // Asks for an early end; heeded within 100 ms: Errc::unavailable, "interrupted".
  std::stop_token stop{};
};

struct Restored {
  std::uint64_t virtual_size = 0;
  std::uint64_t data_bytes = 0;  // not in holes
};

// Writes the image's content to the new file `target`, sparse (blocks of 64 KiB of zeros
// are holes). On success the content was checked and is durable under its name, mode
// 0600; until then it is `target` + ".partial", which a later call starts over. On any
// error the partial file is gone (unless the process was killed).
//   conflict     `target` exists, or another process is restoring to it
//   not_found    no image, or no folder for the target
//   invalid      size or hash differ (both are named), damaged or unsafe image
//   exhausted    no space left
//   unavailable  I/O error (with its offset), or interrupted
Result<Restored> restore(const Source& source, const std::string& target, const Options& options);

// Reads the whole image and checks its size and hash, without writing. A qcow2 image is
// unpacked to an unlinked file under $TMPDIR (or /var/tmp), so it needs room there.
// Same errors as restore(). With no hash given, checks that the image can be read.
Result<void> verify(const Source& source, const Options& options);

struct ImageInfo {
  Format format = Format::raw;
  std::uint64_t file_size = 0;                  // bytes
  std::optional<std::uint64_t> virtual_size{};  // absent when a zstd frame does not say
};

// What the file says of itself: format by magic number (anything unknown is raw). Reads
// headers only. `invalid` for a damaged header, or a qcow2 image that names other files.
Result<ImageInfo> describe(const std::string& path);

}  // namespace holdfast::imaging
