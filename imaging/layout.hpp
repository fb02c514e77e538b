// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "imaging/frame_tree.hpp"
#include "imaging/seek_table.hpp"
#include "imaging/slot.hpp"

// Private to imaging/: which pieces an image has, in order.
namespace holdfast::imaging {

struct Extent {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

// Where a file has data, by SEEK_DATA and SEEK_HOLE. Where those mean nothing (a block device)
// everything is data.
class DataMap {
 public:
  DataMap(int file, std::string path, std::uint64_t size)
      : file_{file}, path_{std::move(path)}, size_{size} {}
  // The first stretch of data that ends behind `offset`, cut to the file's size; none when
  // only a hole follows.
  Result<std::optional<Extent>> after(std::uint64_t offset);

 private:
  int file_;
  std::string path_;
  std::uint64_t size_;
  std::optional<Extent> last_{};
};

class Layout {
 public:
  virtual ~Layout() = default;
  virtual Result<std::optional<Piece>> next() = 0;
};

// What a layout may leave out, by frame of the tree.
struct Skips {
  const FrameTree* tree = nullptr;
  const std::vector<char>* present = nullptr;  // frames that need nothing; by index
  bool skips_zeros = false;                    // frames that the tree says are zeros, unread
};

// A file that holds the disk as it is. A piece that lies in a hole is left out, unless the
// tree says that there must be data.
std::unique_ptr<Layout> raw_layout(DataMap map, std::uint64_t disk_size, std::uint32_t piece_size,
                                   Skips skips);
// A file of frames. The table outlives the layout.
std::unique_ptr<Layout> frame_layout(const SeekTable& table, std::string path, Skips skips);

}  // namespace holdfast::imaging
