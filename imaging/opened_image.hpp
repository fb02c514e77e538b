// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "imaging/content_job.hpp"
#include "imaging/image.hpp"
#include "imaging/seek_table.hpp"

// Private to imaging/: an image that was opened and whose own words about itself were checked.
namespace holdfast::imaging {

// The file's first bytes, enough for every format's header.
Result<std::vector<std::byte>> read_head(int fd, const std::string& path);
// The seek table of a zstd file, when it has one.
Result<std::optional<SeekTable>> read_seek_table(int fd, std::uint64_t file_size,
                                                 const std::string& path);
Error size_differs(const Source& source, std::uint64_t found);

class OpenedImage {
 public:
  // Refuses early what size, header, seek table or frame tree already rule out. `source`
  // outlives it.
  static Result<OpenedImage> open(const Source& source);

  int fd() const { return file_.get(); }
  const Source& source() const { return *source_; }
  const std::optional<SeekTable>& table() const { return table_; }
  // Errc::conflict when somebody wrote to the file since it was opened.
  Result<void> check_unchanged() const;

 private:
  const Source* source_ = nullptr;
  UniqueFd file_{};
  struct stat info_ {};
  std::optional<SeekTable> table_{};
};

// How an image's content is read, decided once.
struct Reading {
  std::unique_ptr<Layout> layout{};      // pieces that can be read in any order, or
  std::unique_ptr<ByteStream> stream{};  // a content that only comes in order
  std::uint32_t piece_size = 0;          // bytes
  std::uint32_t packed_size = 0;         // bytes; 0: nothing is decompressed by pieces
  std::uint64_t stream_memory = 0;       // bytes that the stream takes for itself
  bool is_aligned = true;                // pieces begin on 4096 bytes of the disk
};

const FrameTree* tree_of(const Source& source);
// What the content must be: by the tree where there is one, otherwise by the whole hash. Points
// into `source`.
Promise promise_of(const Source& source);
// `target` may be null. Points into all three.
Route route_of(const OpenedImage& image, const Reading& reading, Target* target);

// `image` and what `skips` points to outlive the reading.
Reading reading_of(const OpenedImage& image, Skips skips, const Options& options);

}  // namespace holdfast::imaging
