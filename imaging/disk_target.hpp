// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "imaging/pipeline.hpp"

// Private to imaging/.
namespace holdfast::imaging {

// A second descriptor of the same file that shares no lock and no position with `fd`.
Result<UniqueFd> reopen(int fd, int flags);

// A sparse file that is being filled. Passes by the page cache where the filesystem takes that,
// so that a large disk does not push the guests' pages out of memory; otherwise it writes back
// early, so that the final sync is short.
class DiskTarget final : public Target {
 public:
  // Sets the file to `size` bytes, which a filesystem may refuse.
  // `is_aligned`: all writes but the last begin and end on 4096 bytes.
  static Result<DiskTarget> open(int file, std::string path, std::uint64_t size, bool is_aligned);

  // A block device, which is as large as it is.
  static Result<DiskTarget> on_device(int file, std::string path, bool is_aligned);

  int file_for(const Run& run) override;
  bool give_up_direct(int file) override;
  Result<void> written(std::uint64_t offset, std::size_t size) override;
  const std::string& path() const override { return path_; }

  std::vector<int> files() const;
  // Makes everything durable.
  Result<void> finish();

 private:
  static Result<DiskTarget> on(int file, std::string path, bool is_aligned);
  explicit DiskTarget(std::string path) : path_{std::move(path)} {}

  // Descriptions of its own: a ring outlives a killed process for a moment, and must not hold
  // the lock on the file that long.
  UniqueFd file_{};
  std::string path_;
  UniqueFd direct_{};
  bool is_direct_ = false;
  std::uint64_t unflushed_ = 0;  // bytes in the page cache since the last look
};

}  // namespace holdfast::imaging
