// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "journal/operation.hpp"
#include "journal/records.hpp"

namespace holdfast {

class Writes;  // journal/writes.hpp

// Called around every durable commit; a test that kills the program at each of
// them throws from here. Nothing in the program itself implements it.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  virtual void before_commit() = 0;
  virtual void after_commit() = 0;
};

struct JournalOptions {
  std::string path{};  // ":memory:" for tests
  // thread: one writer thread commits in groups. inline_writer: the calling thread
  // commits, one at a time; deterministic, for simulation and offline tools.
  enum class Writer { thread, inline_writer } writer = Writer::thread;
  bool read_only = false;  // works beside a running daemon, and with it dead
  bool sync = true;        // false (synchronous=OFF) only where no data is at stake: simulation
  CommitObserver* observer = nullptr;
};

// The disk's refusal of what was to be committed.
struct WriteFailure {
  Error cause;
  Time since{};  // of the first in a row
};

// Stored as the fact "mode"; absent is normal, an unknown word is observe_only.
enum class DaemonMode { normal, observe_only };
std::string_view to_string(DaemonMode mode);  // "normal", "observe-only"

// The durable record of what this host has been asked, has started, finished and
// undone: one SQLite file in WAL mode with synchronous=FULL. Thread-safe.
// A write that returned success is on disk.
class Journal {
 public:
  // Opens, migrates and checks the file, and creates it (not its folder) when there is
  // none. Errc::corrupt when it cannot be read as a journal: the caller sets it aside
  // (set_aside) and goes on in observe-only mode. Errc::denied: written by a newer
  // Holdfast. Errc::conflict: another process has it open for writing. Errc::unavailable
  // and exhausted: the disk. Errc::not_found: read_only, and there is no file.
  // `clock` and the observer must outlive the journal.
  static Result<std::unique_ptr<Journal>> open(const JournalOptions& options, const Clock& clock);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // The one way to write: everything `body` writes becomes durable together, or not
  // at all. `body` runs on the writer thread, must not block and must not call back
  // into the Journal. Concurrent calls share one fdatasync; each body is its own: when it
  // fails, or throws, it alone leaves nothing behind. A body that changes nothing costs no
  // write. Errc::exhausted or unavailable when the disk fails the commit: the journal goes
  // on working, but what was to be committed may be there after all once it is reopened.
  Result<void> commit(const std::function<Result<void>(Writes&)>& body);
  // Why the last commit came to nothing on the disk (full, failing); nothing once one was
  // written again, and nothing at the start. Not durable, and it cannot be.
  std::optional<WriteFailure> write_failure() const;

  // Operations.
  Result<Operation> begin(std::string_view kind, std::string_view subject, std::string_view input,
                          bool forward_only = false);
  Result<Operation> operation(OperationId id) const;
  // open, rolling back or stuck: what still holds `subject`; at most one.
  Result<std::optional<Operation>> unfinished(std::string_view subject) const;
  Result<std::vector<Operation>> unfinished() const;
  // How many those are. From memory: waits neither for the disk nor for another reader, so that
  // a heartbeat can say it while everything else hangs. Of a journal that is open for reading: as
  // of when it was opened.
  std::size_t unfinished_count() const;
  // Newest first; `subject` empty for all.
  Result<std::vector<Operation>> recent(std::string_view subject, std::size_t limit) const;
  Result<std::vector<StepRecord>> steps(OperationId id) const;

  // Provenance.
  Result<std::optional<Provenance>> provenance(const Uuid& uuid) const;
  // The row in `subject`'s name that is not gone and not a tombstone.
  Result<std::optional<Provenance>> owner_of(std::string_view subject) const;
  Result<std::vector<Provenance>> all_provenance() const;  // every life but gone

  // Desired state.
  Result<std::optional<AcceptedState>> accepted() const;

  // Conditions, and the last five transitions of each, newest first.
  Result<std::vector<ConditionRecord>> conditions(std::string_view subject) const;
  Result<std::vector<ConditionRecord>> condition_history(std::string_view subject,
                                                         std::string_view type) const;

  // Tickets.
  Result<std::vector<TicketRecord>> open_tickets() const;
  Result<std::optional<TicketRecord>> ticket(std::string_view id) const;

  // Audit chain, newest last. `verify_audit` names the first broken link.
  Result<std::vector<AuditEntry>> audit_tail(std::size_t limit) const;
  Result<void> verify_audit() const;

  // Jobs seen, for ever: the replay key of one-shot jobs.
  Result<bool> job_seen(std::string_view job_id) const;
  // The accepted job of that id or, when there is none, what last claimed to be it.
  Result<std::optional<JobRecord>> job(std::string_view id) const;
  Result<std::optional<JobRecord>> job_of_payload(std::string_view payload_sha256) const;
  // Newest first; `subject` empty for all.
  Result<std::vector<JobRecord>> jobs(std::size_t limit, std::string_view subject = {}) const;
  // The job that the operation was begun for; nothing when it was none.
  Result<std::optional<JobRecord>> job_of(OperationId operation) const;
  // Accepted and not begun, oldest first; all subjects' without one.
  Result<std::vector<JobRecord>> waiting_jobs(std::string_view subject) const;
  Result<std::vector<JobRecord>> waiting_jobs() const;
  // Results that the hub does not know yet, oldest first.
  Result<std::vector<JobRecord>> unacknowledged_jobs(std::size_t limit) const;

  // The fields of `subject` that we corrected since `since`, and how often each: more than two
  // in a day is Oscillating.
  Result<std::map<std::string, std::size_t>> corrections(std::string_view subject,
                                                         Time since) const;

  // Small durable facts of the daemon itself: host id, mode.
  Result<std::optional<std::string>> fact(std::string_view name) const;
  Result<DaemonMode> mode() const;

  // How much time passed, in all, while somebody had this journal open for writing: measured by
  // the monotonic clock, so that no setting of the wall clock adds to it. It never counts time
  // that did not pass; what passed while nobody looked, or after the last commit before a crash,
  // is not counted. Of a journal that is open for reading: as of its last commit.
  Duration witnessed() const;
  // Every commit keeps it. Where it matters and nothing else is written, an hour that is not kept
  // is owed; keep_witnessed() writes then, and at no other time.
  bool owes_witnessed() const;
  Result<void> keep_witnessed();

  // SQLite's own check and the audit chain, for `journal verify`.
  Result<void> verify() const;
  // Age of the last durable commit: the heartbeat carries it.
  Duration since_last_commit() const;

  class Store;  // the database and its writer; private to the folder

 private:
  explicit Journal(std::unique_ptr<Store> store);
  std::unique_ptr<Store> store_;
};

// Moves an unreadable journal and its -wal and -shm beside itself as
// `path.unreadable-<time>`; never deletes. Returns the new path.
Result<std::string> set_aside(const std::string& path, Time now);

}  // namespace holdfast
