// SPDX-License-Identifier: Apache-2.0
#include "journal/store.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "journal/open_file.hpp"

namespace holdfast {
namespace {

constexpr std::string_view witnessed_fact = "journal.witnessed";  // milliseconds
constexpr Duration kept_with_a_commit = std::chrono::minutes{1};

}  // namespace

Journal::Store::Store(const JournalOptions& options, const Clock& clock)
    : options_{options},
      clock_{clock},
      last_commit_{clock.elapsed()},
      opened_{last_commit_.load()} {}

Result<std::unique_ptr<Journal::Store>> Journal::Store::open(const JournalOptions& options,
                                                             const Clock& clock) {
  std::unique_ptr<Store> store{new Store{options, clock}};
  if (options.read_only) {
    store->writer_ = TRY(open_for_reading(options.path));
    TRY(store->read_memory());
    return store;
  }
  store->lock_ = TRY(lock_for_writing(options.path));
  store->writer_ = TRY(open_for_writing(options));
  TRY(store->read_memory());
  if (options.writer == JournalOptions::Writer::thread) {
    if (options.path != ":memory:") {
      store->reader_ = TRY(sqlite::Connection::open(options.path, sqlite::Access::read_write));
      TRY(store->reader_->script("PRAGMA query_only = ON"));
    }
    store->thread_ = std::thread{[raw = store.get()] { raw->write_until_stopped(); }};
  }
  return store;
}

Journal::Store::~Store() {
  if (thread_.joinable()) {
    {
      const std::scoped_lock lock{queue_mutex_};
      is_stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
  }
  reader_.reset();
  // When this cannot be written the -wal cannot be removed either: nothing is lost.
  if (writer_ && !options_.read_only) static_cast<void>(mark_closed(*writer_));
  writer_.reset();  // before lock_ goes
}

Result<void> Journal::Store::commit(const Body& body) {
  if (options_.read_only) return Error{Errc::denied, "the journal is open for reading only"};
  Request request{body};
  if (thread_.joinable()) {
    std::unique_lock lock{queue_mutex_};
    waiting_.push_back(&request);
    arrived_.notify_one();
    request.finished.wait(lock, [&] { return request.is_finished; });
  } else {
    const std::scoped_lock lock{writer_mutex_};
    write({&request});
  }
  if (request.thrown) std::rethrow_exception(request.thrown);
  return std::move(request.result);
}

void Journal::Store::write_until_stopped() {
  std::unique_lock lock{queue_mutex_};
  for (;;) {
    arrived_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Group group = std::exchange(waiting_, {});
    lock.unlock();
    {
      const std::scoped_lock alone{writer_mutex_};
      write(group);
    }
    lock.lock();
    // Under the lock: a request is gone as soon as its caller sees it finished.
    for (Request* request : group) {
      request->is_finished = true;
      request->finished.notify_one();
    }
  }
}

// Gives every request in `group` its result. An exception (a test's simulated crash)
// goes to the callers, and leaves no transaction behind.
void Journal::Store::write(const Group& group) {
  // Those of the group that have no failure of their own share the group's.
  const auto roll_back = [&](const auto& fail) {
    if (writer_->in_transaction()) static_cast<void>(writer_->run("ROLLBACK"));
    for (Request* request : group)
      if (!request->thrown && request->result) fail(*request);
  };
  try {
    const Result<void> committed = write_in_one_transaction(group);
    for (const Request* request : group) note_disk(committed ? request->result : committed);
    if (committed) return;
    roll_back([&](Request& request) { request.result = committed.error(); });
  } catch (...) {
    roll_back([&](Request& request) { request.thrown = std::current_exception(); });
  }
}

// Remembers a failure that is the disk's, not one of what was to be written.
void Journal::Store::note_disk(const Result<void>& written) {
  if (written) return;
  const Errc code = written.error().code();
  if (code != Errc::exhausted && code != Errc::unavailable) return;
  auto failure = failure_.lock();
  *failure = WriteFailure{written.error(), *failure ? (*failure)->since : clock_.now()};
}

Result<void> Journal::Store::write_in_one_transaction(const Group& group) {
  TRY(writer_->run("BEGIN IMMEDIATE"));
  const auto changed_before = writer_->total_changed();
  for (Request* request : group) TRY(write_one(*request));
  // Nothing new: nothing to sync, and nothing that anyone could observe.
  if (writer_->total_changed() == changed_before) return writer_->run("ROLLBACK");

  const Duration seen = witnessed();
  const bool is_kept = seen - kept_.load() >= kept_with_a_commit;
  if (is_kept) TRY(write_witnessed(seen));
  const std::size_t unfinished = TRY(count_unfinished());
  if (options_.observer != nullptr) options_.observer->before_commit();
  auto committed = writer_->run("COMMIT");
  ++version_;  // also when it failed: what a reader sees then is not known
  TRY(std::move(committed).context("commit to the journal"));
  last_commit_ = clock_.elapsed();
  if (is_kept) kept_ = seen;
  unfinished_ = unfinished;
  failure_.lock()->reset();
  if (options_.observer != nullptr) options_.observer->after_commit();
  return ok();
}

// Runs one body in a savepoint of its own, so that its failure undoes only itself.
// An Error from here is the whole group's: the transaction is lost.
Result<void> Journal::Store::write_one(Request& request) {
  TRY(writer_->run("SAVEPOINT body"));
  try {
    Writes writes{*writer_, clock_.now(), witnessed()};
    request.result = request.body(writes);
  } catch (...) {
    request.thrown = std::current_exception();
  }
  // On a full disk SQLite rolls back everything, not only what failed.
  if (!writer_->in_transaction()) {
    if (!request.result) return request.result.error();
    return Error{Errc::unavailable, "the journal's transaction was rolled back"};
  }
  if (!request.result || request.thrown) TRY(writer_->run("ROLLBACK TO body"));
  return writer_->run("RELEASE body");
}

// What is answered from memory from now on.
Result<void> Journal::Store::read_memory() {
  TRY(read_witnessed());
  unfinished_ = TRY(count_unfinished());
  return ok();
}

Result<void> Journal::Store::read_witnessed() {
  auto row = TRY(
      writer_->prepare("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?", witnessed_fact));
  if (TRY(row.next())) witnessed_before_ = Duration{row.integer(0)};
  kept_ = witnessed_before_;
  return ok();
}

Result<void> Journal::Store::write_witnessed(Duration witnessed) {
  return writer_->run(
      "INSERT INTO facts(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2",
      witnessed_fact, std::to_string(witnessed.count()));
}

Duration Journal::Store::witnessed() const {
  if (options_.read_only) return witnessed_before_;
  return witnessed_before_ + (clock_.elapsed() - opened_);
}

Result<void> Journal::Store::keep_witnessed() {
  if (!owes_witnessed()) return ok();
  return commit([this](Writes& writes) { return write_witnessed(writes.witnessed()); });
}

}  // namespace holdfast
