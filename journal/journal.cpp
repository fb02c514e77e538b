// SPDX-License-Identifier: Apache-2.0
#include "journal/journal.hpp"

#include "journal/store.hpp"

namespace holdfast {

std::string_view to_string(DaemonMode mode) {
  return mode == DaemonMode::normal ? "normal" : "observe-only";
}

Journal::Journal(std::unique_ptr<Store> store) : store_{std::move(store)} {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options, const Clock& clock) {
  auto store = TRY(Store::open(options, clock).context("open the journal " + options.path));
  return std::unique_ptr<Journal>{new Journal{std::move(store)}};
}

Result<void> Journal::commit(const std::function<Result<void>(Writes&)>& body) {
  return store_->commit(body);
}

Result<Operation> Journal::begin(std::string_view kind, std::string_view subject,
                                 std::string_view input, bool forward_only) {
  Operation op;
  op.kind = kind;
  op.subject = subject;
  op.input = input;
  op.forward_only = forward_only;
  const auto insert = [&](Writes& writes) -> Result<void> {
    op.id = TRY(writes.begin(kind, subject, input, forward_only));
    op.started = op.updated = writes.now();
    return ok();
  };
  TRY(store_->commit(insert));
  return op;
}

Result<DaemonMode> Journal::mode() const {
  const auto word = TRY(fact("mode"));
  if (!word || *word == to_string(DaemonMode::normal)) return DaemonMode::normal;
  return DaemonMode::observe_only;
}

Result<void> Journal::verify() const {
  const auto check = [](sqlite::Connection& database) -> Result<void> {
    const auto verdict = TRY(database.text("PRAGMA integrity_check(1)"));
    if (verdict != "ok") return Error{Errc::corrupt, "damaged: " + verdict};
    auto orphans = TRY(database.prepare("PRAGMA foreign_key_check"));
    if (!TRY(orphans.next())) return ok();
    return Error{Errc::corrupt, "a row of " + orphans.text(0) + " is orphaned"};
  };
  TRY(store_->read(check));
  return verify_audit();
}

Duration Journal::witnessed() const { return store_->witnessed(); }

bool Journal::owes_witnessed() const { return store_->owes_witnessed(); }

Result<void> Journal::keep_witnessed() { return store_->keep_witnessed(); }

Duration Journal::since_last_commit() const { return store_->since_last_commit(); }
std::size_t Journal::unfinished_count() const { return store_->unfinished_count(); }

std::optional<WriteFailure> Journal::write_failure() const { return store_->write_failure(); }

}  // namespace holdfast
