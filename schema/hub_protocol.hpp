// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/job_state.hpp"
#include "base/result.hpp"
#include "schema/report.hpp"

// The messages between a host and its hub, version 1: docs/design/hub-protocol.md says when
// each is sent. Field names in JSON are the members' in camelCase.
namespace holdfast {

// What `holdfast hub enroll-token` prints and `holdfast enroll` takes: "hf1.TOKEN.PIN".
struct EnrollToken {
  std::string token{};  // 32 lower-case hex digits; used once
  std::string pin{};    // SHA-256 of the hub's SubjectPublicKeyInfo (DER), the 32 bytes
  bool operator==(const EnrollToken&) const = default;
};
std::string to_string(const EnrollToken& token);
Result<EnrollToken> parse_enroll_token(std::string_view text);

// POST /v1/enroll. Bytes travel as base64.
struct EnrollRequest {
  std::string token{};
  std::string host_id{};
  std::string public_key{};  // Ed25519, the 32 bytes
  std::string proof{};       // Ed25519 over enroll_message(), the 64 bytes
  std::string hostname{};
  std::string version{};  // of holdfastd
  bool operator==(const EnrollRequest&) const = default;
};

struct EnrollResponse {
  std::string host_id{};
  std::string key{};  // bearer key; a secret
  std::string ca{};   // PEM of the CA that signs the hub's certificate
  bool operator==(const EnrollResponse&) const = default;
};

// What an enrolment signs, so that a token cannot be spent for a key that somebody else holds.
std::string enroll_message(std::string_view token, std::string_view host_id);
// The first 16 bytes of SHA-256 of an enrolment public key, in hex.
std::string host_id_of(std::string_view public_key);

// The desired state that a host holds.
struct Held {
  std::uint64_t generation = 0;
  std::string digest{};  // digest_of(resources_to_canonical_json(state))
  bool operator==(const Held&) const = default;
};

struct StatusReport {
  HostReport host{};
  std::vector<GuestReport> guests{};
  std::vector<TicketReport> tickets{};
  // Left out, since the report would have been too large; also said in a condition of the host.
  std::uint32_t omitted_guests = 0;
  std::uint32_t omitted_tickets = 0;
  bool operator==(const StatusReport&) const = default;
};

// Nothing follows it; it is sent until the hub acknowledged it.
bool is_final(JobState state);

struct JobResult {
  std::string payload{};  // digest_of() the job's bytes: what the two sides know it by
  std::string job{};      // its id, empty when it could not be read
  JobState state = JobState::accepted;
  std::string code{};  // CamelCase: why it was refused
  std::string message{};
  std::string operation{};  // "op-12", empty when there is none
  Time at{};
  bool operator==(const JobResult&) const = default;
};

// POST /v1/hosts/{hostId}/sync
struct SyncRequest {
  std::string session{};       // 32 lower-case hex digits: one life of the daemon
  std::uint64_t sequence = 0;  // grows within the session
  std::optional<Held> have{};  // absent: nothing was accepted yet
  std::optional<StatusReport> report{};
  std::vector<JobResult> job_results{};
  bool operator==(const SyncRequest&) const = default;
};

// A signed job on its way. Opaque to everybody but the host that verifies it.
struct JobEnvelope {
  std::string payload{};                  // the job file's bytes
  std::vector<std::string> signatures{};  // armored SSHSIG, each over `payload`
  bool operator==(const JobEnvelope&) const = default;
};

// Advice from the hub. The host takes clamped() of it.
struct HubConfig {
  Duration wait{25'000};           // how long a sync is parked
  Duration heartbeat{10'000};      // between two heartbeats
  Duration report{300'000};        // a report at least this often
  Duration retry_at_most{60'000};  // longest backoff
  bool operator==(const HubConfig&) const = default;
};
// Within what a host agrees to, whatever the hub says: wait 1 s to 55 s, heartbeat 1 s to
// 1 min, report 10 s to 1 h, retry_at_most 1 s to 10 min.
HubConfig clamped(const HubConfig& config);

struct SyncResponse {
  Time server_time{};
  // The JSON text of a HostDesiredState, for parse_desired_state(); empty: the host holds it.
  // Text, so that a hub need not parse what it only passes on.
  std::string desired{};
  std::vector<JobEnvelope> jobs{};
  std::vector<std::string> acknowledged{};  // payload digests of final results
  HubConfig config{};
  bool operator==(const SyncResponse&) const = default;
};

// POST /v1/hosts/{hostId}/heartbeat
struct Heartbeat {
  std::string session{};
  std::uint64_t sequence = 0;  // grows within the session, apart from the one of syncs
  Duration pass_age{};         // since the last finished reconcile pass, or since the start
  Duration journal_age{};      // since the last durable write, or since the start
  std::uint32_t open_operations = 0;
  std::uint64_t generation = 0;  // accepted; 0: none
  HostMode mode = HostMode::normal;
  bool operator==(const Heartbeat&) const = default;
};

struct HeartbeatResponse {
  Time server_time{};
  bool operator==(const HeartbeatResponse&) const = default;
};

// One line of JSON, keys sorted. Control characters and broken UTF-8 in a provider's text
// become U+FFFD, so that no message of its can make the other side refuse ours.
// Precondition of SyncResponse: `desired` is empty or JSON.
std::string to_json(const EnrollRequest& message);
std::string to_json(const EnrollResponse& message);
std::string to_json(const SyncRequest& message);
std::string to_json(const SyncResponse& message);
std::string to_json(const Heartbeat& message);
std::string to_json(const HeartbeatResponse& message);
std::string to_json(const JobEnvelope& envelope);

// The way back, under the caps of schema/limits.hpp: parse_message<SyncRequest>(text).
// Errc::invalid, with JSON pointers, for what is not JSON, twice the same key, a wrong type or
// form, a missing field, or too much of something. Unknown fields are ignored.
template <class Message>
Result<Message> parse_message(std::string_view json);

extern template Result<EnrollRequest> parse_message(std::string_view);
extern template Result<EnrollResponse> parse_message(std::string_view);
extern template Result<SyncRequest> parse_message(std::string_view);
extern template Result<SyncResponse> parse_message(std::string_view);
extern template Result<Heartbeat> parse_message(std::string_view);
extern template Result<HeartbeatResponse> parse_message(std::string_view);
extern template Result<JobEnvelope> parse_message(std::string_view);

}  // namespace holdfast
