// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

#include "journal/journal.hpp"

namespace holdfast::sim {

// A place for one journal that outlives its daemon: a folder of its own in memory where
// the machine has such a file system, removed with everything in it in the end.
class JournalFile {
 public:
  JournalFile() {
    std::error_code ignored;
    const std::filesystem::path memory{"/dev/shm"};
    const bool has_memory = std::filesystem::is_directory(memory, ignored);
    std::string pattern =
        ((has_memory ? memory : std::filesystem::temp_directory_path()) / "holdfast-sim-XXXXXX")
            .string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"mkdtemp " + pattern};
    folder_ = pattern;
  }
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string path() const { return folder_ + "/journal.db"; }
  const std::string& folder() const { return folder_; }

  // Deterministic and fast; nothing here needs to survive the machine.
  JournalOptions options(CommitObserver* observer) const {
    JournalOptions options;
    options.path = path();
    options.writer = JournalOptions::Writer::inline_writer;
    options.sync = false;
    options.observer = observer;
    return options;
  }

 private:
  std::string folder_{};
};

}  // namespace holdfast::sim
