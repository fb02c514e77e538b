// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

// Files and folders that are built beside their final name, as NAME.partial, and get that
// name when they are whole. A lock on the partial tells a live builder from a dead one's
// leftover, which is removed. The destructor removes what was not committed.
namespace holdfast::imaging {

class PartialFile {
 public:
  // Errc::conflict when `target` exists or somebody is building it.
  static Result<PartialFile> create(std::string target);
  // The same, but takes over what a dead builder left where it can be trusted to be ours
  // (a regular file of our user with one name); its content may be anything.
  static Result<PartialFile> adopt_or_create(std::string target);
  PartialFile(PartialFile&&) noexcept = default;
  PartialFile& operator=(PartialFile&& other) noexcept;
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  bool is_adopted() const { return is_adopted_; }
  // Leaves it there, for adopt_or_create().
  void keep() { fd_ = UniqueFd{}; }
  // Gives the file its name, durably. Its content must have been synced before.
  Result<void> commit();

 private:
  PartialFile(std::string target, UniqueFd fd);
  std::string target_;
  std::string path_;
  UniqueFd fd_;  // empty once committed
  bool is_adopted_ = false;
};

class PartialDirectory {
 public:
  // Also creates missing parents of `target`. Errc::conflict as above.
  static Result<PartialDirectory> create(std::string target);
  PartialDirectory(PartialDirectory&&) noexcept = default;
  PartialDirectory& operator=(PartialDirectory&&) = delete;
  PartialDirectory(const PartialDirectory&) = delete;
  PartialDirectory& operator=(const PartialDirectory&) = delete;
  ~PartialDirectory();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  // Files inside must have been synced before.
  Result<void> commit();

 private:
  PartialDirectory(std::string target, UniqueFd fd);
  std::string target_;
  std::string path_;
  UniqueFd fd_;
};

}  // namespace holdfast::imaging
