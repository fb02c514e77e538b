// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "journal/operation.hpp"
#include "journal/records.hpp"

namespace holdfast {

namespace sqlite {
class Connection;  // private to the folder
}

// Every change the journal knows, to be combined in one Journal::commit. Lives only
// inside that call; `now` is the time all of them carry.
class Writes {
 public:
  Writes(sqlite::Connection& database, Time now, Duration witnessed)
      : database_{database}, now_{now}, witnessed_{witnessed} {}

  // Operations. `begun` counts an attempt; `done`, `undone` and `turn_back` reset the
  // count. Errc::conflict when the operation or step is not in the state that the change
  // starts from: begin, while the subject has an unfinished operation; begun, task, done,
  // on one that is not open; undone, on one that is not rolling back; turn_back, on a
  // forward-only one; close as succeeded from open only, as rolled back from rolling back
  // only, and while no step is half done.
  Result<OperationId> begin(std::string_view kind, std::string_view subject, std::string_view input,
                            bool forward_only);
  Result<void> begun(OperationId op, std::string_view step, std::string_view input);
  Result<void> task(OperationId op, std::string_view step, std::string_view task);
  Result<void> done(OperationId op, std::string_view step, std::string_view output);
  Result<void> undone(OperationId op, std::string_view step);
  Result<void> count_attempt(OperationId op);
  Result<void> uncount_attempt(OperationId op);  // it was parked: stopped, not failed
  Result<void> mark_forward_only(OperationId op);
  Result<void> turn_back(OperationId op, std::string_view cause);
  Result<void> stick(OperationId op, std::string_view cause);
  Result<void> unstick(OperationId op);  // a person says: try again, from zero attempts
  Result<void> close(OperationId op, OperationState outcome);

  // `updated_at` becomes now, and so does `created_at` when it is not given. Errc::conflict
  // when another UUID owns the subject. Unchanged content is not written.
  Result<void> put(const Provenance& provenance);
  Result<void> accept(const AcceptedState& state);
  // Keeps a history of transitions; `changed` becomes now when the status is another, and
  // is otherwise kept, whatever is given. Unchanged content is not written.
  Result<void> put(std::string_view subject, const ConditionRecord& condition);
  Result<void> drop_conditions(std::string_view subject);
  // Errc::conflict while another ticket for the same subject and key is open.
  Result<void> put(const TicketRecord& ticket);
  // Some that were closed, and expired 90 days ago, are forgotten on the way.
  Result<void> close_ticket(std::string_view id);
  Result<void> audit(std::string_view kind, std::string_view subject, std::string_view detail);
  // Errc::conflict when it was seen before: together with what the job does, in one
  // commit, this is why it takes effect once.
  Result<void> job_seen(std::string_view job_id, std::string_view subject);
  // Signed jobs. An `accepted` one spends its id (job_seen) in the same commit: Errc::conflict
  // when that was spent before. A `refused` one was turned away at the door: no id is spent
  // and no envelope kept, it may be accepted later, and it never takes the place of an
  // accepted one (Errc::conflict). Other states are Errc::invalid. The same again is not written.
  Result<void> put_job(const JobRecord& job);
  // Errc::conflict unless it waits: with the operation's begin, in one commit, this is why a
  // job takes effect at most once.
  Result<void> job_running(std::string_view id, OperationId op);
  // Errc::conflict unless it waits or runs; Errc::invalid when `state` is no end.
  Result<void> job_ended(std::string_view id, JobState state, std::string_view code,
                         std::string_view message);
  // The hub knows the result. Unknown, unfinished or acknowledged already: nothing to write.
  Result<void> job_acknowledged(std::string_view payload_sha256);
  Result<void> corrected(std::string_view subject, std::string_view field);
  // Names beginning with "journal." are refused (Errc::invalid).
  Result<void> set_fact(std::string_view name, std::string_view value);

  Time now() const { return now_; }
  Duration witnessed() const { return witnessed_; }  // as Journal::witnessed()

 private:
  sqlite::Connection& database_;
  Time now_;
  Duration witnessed_;
};

}  // namespace holdfast
