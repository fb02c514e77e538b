// SPDX-License-Identifier: Apache-2.0
#include "hubclient/sync_core.hpp"

#include <utility>

#include "base/sha256.hpp"
#include "hubclient/pace.hpp"

namespace holdfast {

Snapshot make_snapshot(StatusReport report) {
  StatusReport timeless = report;
  timeless.host.last_pass.reset();
  timeless.host.last_pass_took = {};
  timeless.host.hub.reset();
  for (GuestReport& guest : timeless.guests) {
    if (!guest.operation) continue;
    guest.operation->updated = {};
    guest.operation->progress.reset();
    guest.operation->progress_text.clear();
  }
  std::string text = to_json(timeless.host);
  text += to_json(timeless.guests);
  text += to_json(timeless.tickets);
  return {std::move(report), digest_of(text)};
}

SyncCore::SyncCore(Random& random) : random_{random} { begin_session(); }

void SyncCore::begin_session() {
  session_ = random_hex_id(random_);
  wants_again_ = false;
  sequence_ = 0;
  is_first_of_session_ = true;
}

SyncRequest SyncCore::next(const SyncFacts& facts, Duration now) {
  // A hub says nothing twice in a session. While what it sent is not in force, it is asked
  // afresh after each silence: then "nothing new" can only mean that it agrees with us again.
  if ((facts.has_refused || wants_again_) && was_quiet_) begin_session();
  was_quiet_ = false;
  has_refused_ = facts.has_refused;
  SyncRequest request{.session = session_, .sequence = ++sequence_, .have = facts.have};
  open_digest_.clear();
  if (facts.snapshot != nullptr) {
    const bool is_due = !reported_ || now - *reported_ >= config_.report;
    if (is_due || is_news(*facts.snapshot)) {
      request.report = facts.snapshot->report;
      open_digest_ = facts.snapshot->digest;
    }
  }
  request.job_results = facts.results;
  return request;
}

Duration SyncCore::wait() const {
  return is_first_of_session_ && has_refused_ ? Duration{0} : config_.wait;
}

void SyncCore::answered(const SyncResponse& response, Duration now) {
  was_quiet_ = response.desired.empty() && response.jobs.empty();
  hub_agrees_ = is_first_of_session_ && response.desired.empty();
  is_first_of_session_ = false;
  failures_ = 0;
  config_ = clamped(response.config);
  if (open_digest_.empty()) return;
  sent_digest_ = std::exchange(open_digest_, {});
  reported_ = now;
}

SyncRequest SyncCore::beside(const SyncFacts& facts) {
  SyncRequest request{.session = session_, .sequence = ++sequence_, .have = facts.have};
  beside_digest_.clear();
  if (facts.snapshot != nullptr && is_news(*facts.snapshot)) {
    request.report = facts.snapshot->report;
    beside_digest_ = facts.snapshot->digest;
  }
  request.job_results = facts.results;
  return request;
}

void SyncCore::beside_answered(const SyncResponse& response, Duration now) {
  // Silence of the parked request then says nothing about what came here.
  if (!response.desired.empty()) is_first_of_session_ = false;
  failures_ = 0;
  config_ = clamped(response.config);
  if (beside_digest_.empty()) return;
  sent_digest_ = std::exchange(beside_digest_, {});
  open_digest_.clear();  // an older report
  reported_ = now;
}

void SyncCore::lost_answer() {
  hub_agrees_ = false;
  open_digest_.clear();
  beside_digest_.clear();
  begin_session();
}

Duration SyncCore::failed() {
  lost_answer();
  ++failures_;
  return backoff(failures_, config_.retry_at_most, random_.next());
}

}  // namespace holdfast
