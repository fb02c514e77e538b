// SPDX-License-Identifier: Apache-2.0
#include "schema/hub_protocol.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/sha256.hpp"
#include "schema/base64.hpp"
#include "schema/limits.hpp"
#include "schema/plain_heartbeat.hpp"
#include "schema/report_tables.hpp"
#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

constexpr std::string_view token_prefix = "hf1.";
constexpr std::size_t token_digits = 32;

// Base64url of 32 bytes or more: printable, and nothing that could end a header line.
const TextForm bearer_key{"a key of 16 to 512 printable characters without blanks", "",
                          [](std::string_view t) {
                            return t.size() >= 16 && t.size() <= 512 &&
                                   std::all_of(t.begin(), t.end(),
                                               [](char c) { return c > ' ' && c <= '~'; });
                          },
                          512};

// A digest or nothing.
Codec<std::string> text_or_empty(const TextForm& form) {
  auto codec = text(form);
  const auto read = codec.read;
  codec.read = [read](const Json& json, std::string& value, Problems& problems) {
    if (json.is_string() && json.get_ref<const std::string&>().empty()) return value.clear();
    read(json, value, problems);
  };
  return codec;
}

// Bytes as base64: `length` of them, or from 1 to `most` when `length` is 0.
Codec<std::string> base64(std::size_t length, std::size_t most) {
  return {[length, most](const Json& json, std::string& value, Problems& problems) {
            if (!json.is_string()) return problems.expected(json, "base64");
            const auto& found = json.get_ref<const std::string&>();
            if (found.size() > (most + 2) / 3 * 4)
              return problems.add("found more than " + std::to_string(most) + " bytes");
            auto bytes = parse_base64(found);
            if (!bytes) return problems.add("found something else, expected base64 with padding");
            if (bytes->empty() || bytes->size() > most || (length != 0 && bytes->size() != length))
              return problems.add(
                  "found " + std::to_string(bytes->size()) + " bytes, expected " +
                  (length != 0 ? std::to_string(length) : "1 to " + std::to_string(most)));
            value = std::move(*bytes);
          },
          [](const std::string& value) -> Json { return to_base64(value); },
          {{"type", "string"}}};
}

Codec<std::string> key_bytes(std::size_t length) { return base64(length, length); }

const Table<EnrollRequest>& table_of(const EnrollRequest*) {
  static const Table<EnrollRequest> table{{
      fixed<EnrollRequest>("apiVersion", api_version),
      fixed<EnrollRequest>("kind", "EnrollRequest"),
      required(field("token", &EnrollRequest::token, text(id_hex))),
      required(field("hostId", &EnrollRequest::host_id, text(id_hex))),
      required(field("publicKey", &EnrollRequest::public_key, key_bytes(32))),
      required(field("proof", &EnrollRequest::proof, key_bytes(64))),
      field("hostname", &EnrollRequest::hostname, text(single_line)),
      field("version", &EnrollRequest::version, text(single_line)),
  }};
  return table;
}

const Table<EnrollResponse>& table_of(const EnrollResponse*) {
  static const Table<EnrollResponse> table{{
      fixed<EnrollResponse>("apiVersion", api_version),
      fixed<EnrollResponse>("kind", "EnrollResponse"),
      required(field("hostId", &EnrollResponse::host_id, text(id_hex))),
      required(field("key", &EnrollResponse::key, text(bearer_key))),
      required(field("ca", &EnrollResponse::ca, words())),
  }};
  return table;
}

const Table<Held>& held_table() {
  static const Table<Held> table{{
      required(field("generation", &Held::generation, any_number<std::uint64_t>())),
      required(field("digest", &Held::digest, text(sha256_digest))),
  }};
  return table;
}

const Table<JobResult>& result_table() {
  static const Table<JobResult> table{{
      required(field("payload", &JobResult::payload, text(sha256_digest))),
      field("job", &JobResult::job, text_or_empty(id_hex)),
      required(field("state", &JobResult::state,
                     one_of({JobState::accepted, JobState::running, JobState::done,
                             JobState::refused, JobState::failed}))),
      field("code", &JobResult::code, text(single_line)),
      field("message", &JobResult::message, words()),
      field("operation", &JobResult::operation, text(single_line)),
      required(field("at", &JobResult::at, time())),
  }};
  return table;
}

const Table<SyncRequest>& table_of(const SyncRequest*) {
  static const Table<SyncRequest> table{{
      fixed<SyncRequest>("apiVersion", api_version),
      fixed<SyncRequest>("kind", "SyncRequest"),
      required(field("session", &SyncRequest::session, text(id_hex))),
      required(field("sequence", &SyncRequest::sequence, any_number<std::uint64_t>())),
      field("have", &SyncRequest::have, maybe(object(held_table()))),
      field("report", &SyncRequest::report, maybe(object(report_table<StatusReport>()))),
      field("jobResults", &SyncRequest::job_results,
            list_of(object(result_table()), {0, limits::job_results_per_sync})),
  }};
  return table;
}

const Table<JobEnvelope>& table_of(const JobEnvelope*) {
  static const TextForm signature{"an armored SSH signature", "",
                                  [](std::string_view t) { return !t.empty(); },
                                  limits::job_signature_bytes};
  static const Table<JobEnvelope> table{{
      required(field("payload", &JobEnvelope::payload, base64(0, limits::job_bytes))),
      required(field("signatures", &JobEnvelope::signatures,
                     list_of(text(signature), {0, limits::job_signatures}))),
  }};
  return table;
}

const Table<HubConfig>& config_table() {
  static const Table<HubConfig> table{{
      field("wait", &HubConfig::wait, any_duration()),
      field("heartbeat", &HubConfig::heartbeat, any_duration()),
      field("report", &HubConfig::report, any_duration()),
      field("retryAtMost", &HubConfig::retry_at_most, any_duration()),
  }};
  return table;
}

// `desired` stays text: only a mapping is told from what is not one.
Codec<std::string> raw_mapping() {
  return {[](const Json& json, std::string& value, Problems& problems) {
            if (!json.is_object()) return problems.expected(json, "a HostDesiredState");
            value = json.dump();
          },
          [](const std::string&) -> Json { return nullptr; },
          {{"type", "object"}}};
}

const Table<SyncResponse>& table_of(const SyncResponse*) {
  static const Table<SyncResponse> table{{
      fixed<SyncResponse>("apiVersion", api_version),
      fixed<SyncResponse>("kind", "SyncResponse"),
      required(field("serverTime", &SyncResponse::server_time, time())),
      field("desired", &SyncResponse::desired, raw_mapping()),
      field("jobs", &SyncResponse::jobs,
            list_of(object(table_of(static_cast<const JobEnvelope*>(nullptr))),
                    {0, limits::jobs_per_sync})),
      field("acknowledged", &SyncResponse::acknowledged,
            list_of(text(sha256_digest), {0, limits::job_results_per_sync})),
      field("config", &SyncResponse::config, object(config_table())),
  }};
  return table;
}

const Table<Heartbeat>& table_of(const Heartbeat*) {
  static const Table<Heartbeat> table{{
      fixed<Heartbeat>("apiVersion", api_version),
      fixed<Heartbeat>("kind", "Heartbeat"),
      required(field("session", &Heartbeat::session, text(id_hex))),
      required(field("sequence", &Heartbeat::sequence, any_number<std::uint64_t>())),
      required(field("passAge", &Heartbeat::pass_age, any_duration())),
      required(field("journalAge", &Heartbeat::journal_age, any_duration())),
      field("openOperations", &Heartbeat::open_operations, any_number<std::uint32_t>()),
      field("generation", &Heartbeat::generation, any_number<std::uint64_t>()),
      field("mode", &Heartbeat::mode, one_of({HostMode::normal, HostMode::observe_only})),
  }};
  return table;
}

const Table<HeartbeatResponse>& table_of(const HeartbeatResponse*) {
  static const Table<HeartbeatResponse> table{{
      required(field("serverTime", &HeartbeatResponse::server_time, time())),
  }};
  return table;
}

std::string_view name_of(const EnrollRequest*) { return "enroll request"; }
std::string_view name_of(const EnrollResponse*) { return "enroll response"; }
std::string_view name_of(const SyncRequest*) { return "sync request"; }
std::string_view name_of(const SyncResponse*) { return "sync response"; }
std::string_view name_of(const Heartbeat*) { return "heartbeat"; }
std::string_view name_of(const HeartbeatResponse*) { return "heartbeat response"; }
std::string_view name_of(const JobEnvelope*) { return "job envelope"; }

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t' && c != '\n' && c != '\r') || octet == 0x7f;
}

// Cut to `most` bytes, not inside of a character.
void shorten(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U) --most;
  text.resize(most);
}

void clean(Json& json) {
  if (json.is_string()) {
    auto& text = json.get_ref<std::string&>();
    if (std::any_of(text.begin(), text.end(), is_control)) {
      std::string cleaned;
      for (const char c : text) {
        if (is_control(c)) {
          cleaned += replacement;
        } else {
          cleaned += c;
        }
      }
      text = std::move(cleaned);
    }
    return shorten(text, limits::string_bytes - replacement.size());
  }
  if (json.is_structured())
    for (auto& inner : json) clean(inner);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Json tree_of(const T& message) {
  return table_of(static_cast<const T*>(nullptr)).print(message);
}

}  // namespace

template <>
const Table<StatusReport>& report_table() {
  static const Table<StatusReport> table{{
      required(field("host", &StatusReport::host, object(report_table<HostReport>()))),
      required(field("guests", &StatusReport::guests,
                     list_of(object(report_table<GuestReport>()), {0, limits::resources}))),
      required(field("tickets", &StatusReport::tickets,
                     list_of(object(report_table<TicketReport>()), {0, limits::resources}))),
      field("omittedGuests", &StatusReport::omitted_guests, any_number<std::uint32_t>()),
      field("omittedTickets", &StatusReport::omitted_tickets, any_number<std::uint32_t>()),
  }};
  return table;
}

std::string to_string(const EnrollToken& token) {
  return std::string{token_prefix} + token.token + "." + to_base64url(token.pin);
}

Result<EnrollToken> parse_enroll_token(std::string_view text) {
  const Error bad{Errc::invalid,
                  "expected an enrolment token like hf1.TOKEN.PIN, as `holdfast hub enroll-token` "
                  "prints it"};
  if (!text.starts_with(token_prefix)) return bad;
  text.remove_prefix(token_prefix.size());
  if (text.size() < token_digits + 1 || text[token_digits] != '.') return bad;
  EnrollToken token{std::string{text.substr(0, token_digits)}, {}};
  auto pin = parse_base64url(text.substr(token_digits + 1));
  if (!id_hex.matches(token.token) || !pin || pin->size() != 32) return bad;
  token.pin = std::move(*pin);
  return token;
}

std::string enroll_message(std::string_view token, std::string_view host_id) {
  std::string message = "holdfast-enroll-v1";
  message += '\0';
  message += token;
  message += '\0';
  message += host_id;
  return message;
}

std::string host_id_of(std::string_view public_key) {
  return to_hex(sha256(public_key)).substr(0, 32);
}

bool is_final(JobState state) {
  return state == JobState::done || state == JobState::refused || state == JobState::failed;
}

HubConfig clamped(const HubConfig& config) {
  return {std::clamp<Duration>(config.wait, 1s, 55s),
          std::clamp<Duration>(config.heartbeat, 1s, 1min),
          std::clamp<Duration>(config.report, 10s, 1h),
          std::clamp<Duration>(config.retry_at_most, 1s, 10min)};
}

std::string to_json(const EnrollRequest& message) {
  Json tree = tree_of(message);
  clean(tree);
  return dump(tree);
}

std::string to_json(const SyncRequest& message) {
  Json tree = tree_of(message);
  clean(tree);
  return dump(tree);
}

std::string to_json(const SyncResponse& message) {
  std::string text = dump(tree_of(message));
  if (message.desired.empty()) return text;
  text.pop_back();  // its closing brace
  return text + ",\"desired\":" + message.desired + "}";
}

std::string to_json(const EnrollResponse& message) { return dump(tree_of(message)); }
std::string to_json(const Heartbeat& message) { return dump(tree_of(message)); }
// Thousands a second, and nothing in it needs an escape.
std::string to_json(const HeartbeatResponse& message) {
  return R"({"serverTime":")" + to_string(message.server_time) + R"("})";
}
std::string to_json(const JobEnvelope& envelope) { return dump(tree_of(envelope)); }

template <class Message>
Result<Message> parse_message(std::string_view json) {
  if constexpr (std::is_same_v<Message, Heartbeat>)
    if (auto plain = read_plain_heartbeat(json)) return std::move(*plain);
  const auto* const kind = static_cast<const Message*>(nullptr);
  const auto documents = TRY(tree::read_documents(json, name_of(kind), tree::Syntax::json));
  Problems problems{Problems::Reading::peer};
  Message message{};
  table_of(kind).read(documents.front(), message, problems);
  if (!problems.empty()) return problems.error(name_of(kind));
  return message;
}

template Result<EnrollRequest> parse_message(std::string_view);
template Result<EnrollResponse> parse_message(std::string_view);
template Result<SyncRequest> parse_message(std::string_view);
template Result<SyncResponse> parse_message(std::string_view);
template Result<Heartbeat> parse_message(std::string_view);
template Result<HeartbeatResponse> parse_message(std::string_view);
template Result<JobEnvelope> parse_message(std::string_view);

}  // namespace holdfast
