// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/condition_status.hpp"
#include "base/ids.hpp"
#include "base/job_state.hpp"

namespace holdfast {

// How an object came to be, as only this host's journal can say.
enum class Origin { created, scratch, adopted, foreign };

// provisioning: being made, holds no customer data yet. live: may hold data.
// tombstone: destroyed on a signature, its disks kept for a while. gone: freed.
enum class Life { provisioning, live, tombstone, gone };

std::string_view to_string(Origin origin);
std::string_view to_string(Life life);
std::optional<Origin> parse_origin(std::string_view text);
std::optional<Life> parse_life(std::string_view text);

struct Provenance {
  Uuid uuid{};
  Incarnation incarnation{};
  std::string subject{};  // "guest/acme": a name may pass from a gone UUID to a new one
  Origin origin = Origin::foreign;
  OperationId created_by{};
  Life life = Life::provisioning;
  bool data_bearing = false;
  std::string detail{};  // JSON owned by the reconciler: paths, MACs, image
  Time created_at{};
  Time updated_at{};
  std::optional<Time> tombstoned_at{};
  // Journal::witnessed() at that time. The journal's own: whatever is put, it writes the truth.
  Duration tombstoned_witnessed{};

  bool operator==(const Provenance&) const = default;
};

// As in Kubernetes; `changed` moves only when the status does.
struct ConditionRecord {
  std::string type{};
  ConditionStatus status = ConditionStatus::unknown;
  std::string reason{};
  std::string message{};
  std::uint64_t observed_generation = 0;
  Time changed{};
};

// One line of the audit chain: a permit, a refusal, a job, a key change.
struct AuditEntry {
  std::int64_t sequence = 0;
  Time at{};
  std::string kind{};      // "permit", "refusal", "recover", ...
  std::string subject{};   // "guest/acme"
  std::string detail{};    // JSON
  std::string previous{};  // SHA-256 of the entry before, hex; 64 zeros for the first
  std::string hash{};      // SHA-256 over previous and this entry's fields, hex
};

// Accepted desired state, stored whole before anything is done about it.
struct AcceptedState {
  std::uint64_t generation = 0;
  std::string digest{};
  std::string content{};  // canonical JSON
  Time accepted_at{};
};

// A refused step written out as a job that an operator can sign as it stands.
struct TicketRecord {
  std::string id{};  // 32 hex digits; also the job's id
  std::string subject{};
  std::string key{};   // what is refused: same key, same ticket while it is open
  std::string rule{};  // the gate's code
  std::string message{};
  std::string job{};      // the exact bytes to sign
  std::string effects{};  // JSON array of sentences: what signing will do
  Time created{};
  Time expires{};
  bool is_open = true;
};

std::optional<JobState> parse_job_state(std::string_view text);
bool has_ended(JobState state);

// A signed job as this host got it, and what came of it.
struct JobRecord {
  std::string id{};              // empty when the payload could not be read
  std::string payload_sha256{};  // hex, of the exact bytes: what the hub acknowledges by
  std::string subject{};         // whose turn it takes: "guest/acme", "host"
  std::string action{};
  std::string envelope{};  // payload and signatures, the exact text; empty when turned away
  JobState state = JobState::accepted;
  std::string code{};       // why it was refused
  std::string message{};    // a sentence
  OperationId operation{};  // 0 while none was begun
  Time received_at{};
  std::optional<Time> accepted_at{};  // none: turned away, its id is not spent
  Time expires{};
  std::optional<Time> ended_at{};
  std::optional<Time> acknowledged_at{};  // the hub knows the result

  bool operator==(const JobRecord&) const = default;
};

}  // namespace holdfast
