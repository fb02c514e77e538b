// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "imaging/content.hpp"

struct archive;
struct archive_entry;

namespace holdfast::imaging {

// A tar archive, plain or compressed by gzip or zstd, read front to back. The entries of a
// golden image are regular files at the top or in one folder; anything that could reach
// outside of it refuses the archive.
class Archive {
 public:
  static Result<Archive> open(const std::string& path);
  Archive(Archive&&) noexcept;
  Archive& operator=(Archive&&) noexcept;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive();

  // The next regular file: its name without the folder. Empty at the end of the archive. What
  // was not read of the last one is passed over, which is allowed for a few MiB in all.
  Result<std::string> next_file(Meter& meter);
  // While looking for one file in front of which anything may lie.
  void allow_passing_over() { passing_over_is_capped_ = false; }
  // Bytes that the header of the current file announces.
  std::uint64_t size() const { return size_; }
  // The current file's content. To be read before the next call of next_file(), and not
  // after this object moved.
  std::unique_ptr<Reader> content();

 private:
  struct Source;
  class EntryReader;
  struct Close {
    void operator()(archive* raw) const noexcept;
  };
  explicit Archive(std::string path);
  Result<void> pass_over(Meter& meter);
  Result<std::string> name_of(archive_entry* entry) const;
  Result<std::string> check_entry(const std::string& name);
  Error failure(const std::string& doing) const;

  std::string path_;
  std::unique_ptr<Source> source_{};  // outlives raw_, which reads from it
  std::unique_ptr<archive, Close> raw_{};
  std::string folder_{};  // that the files lie in; "" for the top
  bool has_folder_ = false;
  bool unread_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t passed_over_ = 0;  // bytes
  bool passing_over_is_capped_ = true;
};

}  // namespace holdfast::imaging
