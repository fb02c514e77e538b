// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "gate/allowance.hpp"
#include "jobs/clock_guard.hpp"
#include "jobs/verified_job.hpp"
#include "journal/journal.hpp"
#include "signing/operators_file.hpp"

namespace holdfast::jobs {

// The longest that a job may be good for.
inline constexpr Duration longest_window = std::chrono::hours{7 * 24};

// How the guests look now, for jobs that bind what the signer saw. Thread-safe.
class GuestPrints {
 public:
  virtual ~GuestPrints() = default;
  // As reported: "sha256:...". Errc::unavailable when the provider cannot be asked, not_found
  // when it says that there is no such guest.
  virtual Result<std::string> fingerprint(const Uuid& uuid) = 0;
};

// What an intake works with; references outlive it.
struct IntakeParts {
  Journal& journal;
  const Clock& clock;
  ClockGuard& guard;
  GuestPrints& guests;
  signing::OperatorsFile operators;
  Policy policy{};
  std::string host_id{};
  Logger log{};
  std::function<void(const std::string& subject)> on_accepted{};  // may be empty
};

struct Answer {
  enum class Kind {
    accepted,  // journaled, its id spent; an operation follows
    known,     // these very bytes were accepted before; `record` says what became of them
    refused,   // not now and not later
    deferred,  // not now: nothing is spent, written or final
  };
  Kind kind = Kind::refused;
  std::string code{};  // of refused and deferred: signing/codes.hpp, jobs/codes.hpp
  std::string message{};
  JobRecord record{};
};

// Takes each signed job once, whoever brings it: a hub, or root at the admin socket. What is
// believed are signatures alone. Accepting is one commit: the id is spent, the job waits in the
// journal, the audit chain names who signed. Refusals are journaled and audited for as long as
// they do not come too fast: whoever sends rubbish cannot fill the disk. Thread-safe.
class Intake {
 public:
  explicit Intake(IntakeParts parts);

  // An Error is the journal's: nothing is known of the job, and it may be offered again.
  Result<Answer> submit(const JobEnvelope& envelope);
  // The same from JSON text; what is none is refused.
  Result<Answer> submit(const std::string& text);

  // Keeps the highest time seen in the journal, at most once a day: for a machine whose clock is
  // set back while this does not run. Call it now and then.
  Result<void> remember_time();

 private:
  Result<Answer> judge(const JobEnvelope& envelope, const std::string& payload_sha256);
  Result<signing::Objection> object_to_guest(const VerifiedJob& verified, std::string& subject);
  Result<Answer> accept(const JobEnvelope& envelope, const VerifiedJob& verified,
                        const signing::Operators& operators, JobRecord record);
  Result<Answer> refuse(const signing::Refusal& refusal, JobRecord record);
  Answer defer(const signing::Refusal& refusal);

  IntakeParts parts_;
  std::mutex mutex_{};
  Allowance journaled_refusals_;
  Allowance audited_refusals_;
  std::size_t left_out_ = 0;  // refusals since the last audited one
  std::string deferred_{};    // the code that was logged last
  std::optional<Duration> remembered_{};
};

}  // namespace holdfast::jobs
