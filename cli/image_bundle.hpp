// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/invocation.hpp"
#include "cli/progress_bar.hpp"
#include "imaging/bundle.hpp"
#include "imaging/image.hpp"
#include "schema/image.hpp"

// Private to cli/: what the image commands share.
namespace holdfast::cli {

// A folder of our own that goes away again.
class Scratch {
 public:
  static Result<Scratch> make(const Environment& environment);
  explicit Scratch(std::string path) : path_{std::move(path)} {}
  Scratch(Scratch&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  Scratch& operator=(Scratch&&) = delete;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Bundle {
  std::string manifest{};
  Image image{};
  std::vector<imaging::BundleFile> files{};
};

// Of a folder or an archive.
Result<Bundle> read_bundle(const std::string& path);

// The disk as imaging/ wants it, its file in `folder`.
Result<imaging::Source> source_of(const ImageDisk& disk, const std::string& folder);

// One disk of what the user named: a bundle's folder, an archive of one (unpacked first), or a
// file that is a disk itself, of which nothing but its own word is known.
struct DiskImage {
  imaging::Source source{};
  std::optional<Scratch> unpacked{};
};
Result<DiskImage> open_disk_image(const Invocation& invocation, const std::string& path,
                                  const std::string& disk);

// Draws the bar while a job runs, with rate and time left, and says its notes.
imaging::Options followed(const Invocation& invocation, ProgressBar& bar, const std::string& what);

}  // namespace holdfast::cli
