// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace holdfast::http {

// A socket that listens under a name of the filesystem. The name goes with it, unless
// somebody else has taken it over by then.
class UnixListener {
 public:
  // The file never has wider permissions than `mode`. See UnixServer::listen() for takeover
  // and errors.
  static Result<UnixListener> bind(const std::string& path, mode_t mode,
                                   std::optional<gid_t> group);
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  ~UnixListener();

  int fd() const { return fd_.get(); }

 private:
  UnixListener(std::string path, UniqueFd fd) : path_{std::move(path)}, fd_{std::move(fd)} {}
  std::string path_;
  UniqueFd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace holdfast::http
