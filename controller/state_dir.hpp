// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "journal/journal.hpp"

namespace holdfast {

// The daemon's private folder: journal, host id, lock. Mode 0711, so that QEMU can reach
// guests' disks below it but list nothing.
class StateDir {
 public:
  // Creates the folder when it is missing and takes its lock. Conflict: another daemon
  // works in it.
  static Result<StateDir> open(const std::string& path);

  // Opens the journal. One that cannot be read is set aside and a new one begun in
  // observe-only mode, which `holdfast recover` ends.
  Result<std::unique_ptr<Journal>> open_journal(const Clock& clock, const Logger& log) const;

  // This installation's id, 32 hex digits; kept in a file of its own, because guests' markers
  // carry it and a lost journal must not make them strangers. At first it comes from a new
  // enrolment key (host_id_of()); one that was chosen before there were keys stays.
  Result<std::string> host_id() const;

  const std::string& path() const { return path_; }

 private:
  StateDir(std::string path, UniqueFd lock) : path_{std::move(path)}, lock_{std::move(lock)} {}
  std::string path_;
  UniqueFd lock_;
};

}  // namespace holdfast
