// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/guarded.hpp"
#include "base/unique_fd.hpp"
#include "journal/journal.hpp"
#include "journal/writes.hpp"
#include "sqlite/connection.hpp"

namespace holdfast {

// The database file, the one writer and a connection of its own for readers, so that
// reading does not wait for a disk.
class Journal::Store {
 public:
  using Body = std::function<Result<void>(Writes&)>;

  static Result<std::unique_ptr<Store>> open(const JournalOptions& options, const Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Result<void> commit(const Body& body);

  // Calls `reading` with the connection for readers, alone with it.
  template <class Reading>
  auto read(Reading&& reading) {
    const std::scoped_lock lock{reader_ ? reader_mutex_ : writer_mutex_};
    return reading(reader_ ? *reader_ : *writer_);
  }

  // Whether no job waits, on any subject. Asked by every pass, so that it is answered from
  // memory for as long as nothing was committed.
  Result<bool> no_job_waits();

  // See Journal.
  Duration witnessed() const;
  bool owes_witnessed() const { return witnessed() - kept_.load() >= kept_by_itself; }
  Result<void> keep_witnessed();

  Duration since_last_commit() const { return clock_.elapsed() - last_commit_.load(); }
  std::size_t unfinished_count() const { return unfinished_; }
  std::optional<WriteFailure> write_failure() const { return *failure_.lock(); }

 private:
  // One caller of commit(), waiting.
  struct Request {
    explicit Request(const Body& writes) : body{writes} {}
    const Body& body;
    Result<void> result{};
    std::exception_ptr thrown{};
    bool is_finished = false;
    std::condition_variable finished{};
  };
  using Group = std::vector<Request*>;

  Store(const JournalOptions& options, const Clock& clock);

  void write_until_stopped();
  void write(const Group& group);
  Result<void> write_in_one_transaction(const Group& group);
  Result<void> write_one(Request& request);
  Result<void> read_memory();
  Result<std::size_t> count_unfinished();
  Result<void> read_witnessed();
  Result<void> write_witnessed(Duration witnessed);
  void note_disk(const Result<void>& written);

  JournalOptions options_;
  const Clock& clock_;
  UniqueFd lock_;
  std::atomic<Duration> last_commit_;
  static constexpr Duration kept_by_itself = std::chrono::hours{1};
  Duration opened_;                               // on the clock's elapsed()
  Duration witnessed_before_{};                   // by those who had the journal open before
  std::atomic<Duration> kept_{Duration::zero()};  // of witnessed(), what is in the file
  std::atomic<std::size_t> unfinished_{0};        // operations, as of the last commit
  // Of what a reader can see: goes up with each COMMIT, before its callers hear of it.
  std::atomic<std::uint64_t> version_{1};
  std::atomic<std::uint64_t> no_job_waits_at_{0};         // the version of which that was true
  mutable Guarded<std::optional<WriteFailure>> failure_;  // of the disk, since the last commit

  std::mutex writer_mutex_;
  std::unique_ptr<sqlite::Connection> writer_;
  std::mutex reader_mutex_;
  std::unique_ptr<sqlite::Connection> reader_;  // empty: readers share writer_

  std::mutex queue_mutex_;
  std::condition_variable arrived_;
  Group waiting_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast
