// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <sqlite3.h>

#include "journal/journal.hpp"
#include "journal/writes.hpp"
#include "tests/catch.hpp"

namespace holdfast::journal_testing {

// Time that passes only when a test says so.
class StoppedClock final : public Clock {
 public:
  Time now() const override { return Time{Duration{1'790'000'000'000}} + passed_.load(); }
  Duration elapsed() const override { return passed_; }
  void advance(Duration by) { passed_ = passed_.load() + by; }

 private:
  std::atomic<Duration> passed_{Duration{0}};
};

// A folder that is gone at the end of the test.
class ScratchFolder {
 public:
  explicit ScratchFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "journal-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no scratch folder"};
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_{};
};

// In memory where there is such a place: for tests that open a journal a thousand times.
inline std::filesystem::path fast_folder() {
  std::error_code failed;
  return std::filesystem::is_directory("/dev/shm", failed) ? "/dev/shm"
                                                           : std::filesystem::temp_directory_path();
}

inline JournalOptions inline_options(const std::string& path = ":memory:") {
  JournalOptions options;
  options.path = path;
  options.writer = JournalOptions::Writer::inline_writer;
  options.sync = false;
  return options;
}

inline std::unique_ptr<Journal> open_journal(const JournalOptions& options, const Clock& clock) {
  auto journal = Journal::open(options, clock);
  if (!journal) throw std::runtime_error{journal.error().describe()};
  return std::move(journal).value();
}

// A journal in memory and its clock.
struct InMemory {
  StoppedClock clock{};
  std::unique_ptr<Journal> journal = open_journal(inline_options(), clock);
};

// As if the process had been killed: what is on the disk now, under another name.
inline std::string copy_as_killed(const std::string& path, const std::string& copy) {
  namespace fs = std::filesystem;
  fs::copy_file(path, copy);
  if (fs::exists(path + "-wal")) fs::copy_file(path + "-wal", copy + "-wal");
  return copy;
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

// What somebody with an SQLite shell could do to the file.
inline void tamper(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database{raw, sqlite3_close};
  REQUIRE(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
}

template <class T>
Errc code_of(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code();
}

inline Result<void> set_fact(Journal& journal, const std::string& name, const std::string& value) {
  return journal.commit([&](Writes& writes) { return writes.set_fact(name, value); });
}

}  // namespace holdfast::journal_testing
