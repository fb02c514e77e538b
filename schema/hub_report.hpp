// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "schema/hub_protocol.hpp"

// What a hub tells its operators. Plain values; field names in JSON are the members' in
// camelCase.
namespace holdfast {

struct HubHostReport {
  std::string host_id{};
  std::string hostname{};
  std::string version{};  // of holdfastd
  std::string status{};   // Alive, Late, Dead, Stalled
  Time enrolled{};
  std::optional<Time> last_heartbeat{};
  std::optional<Time> last_report{};
  std::uint64_t desired_generation = 0;  // newest at the hub; 0: none
  std::uint64_t held_generation = 0;     // as the host said last; 0: none
  Duration pass_age{};                   // as its last heartbeat said
  Duration journal_age{};
  std::uint32_t open_operations = 0;
  std::uint32_t open_jobs = 0;           // without a final result
  std::string mode{};                    // normal, observe-only
  bool is_connected = false;             // a long poll of its waits now
  std::optional<StatusReport> report{};  // when one host was asked for
  bool operator==(const HubHostReport&) const = default;
};

struct GenerationReport {
  std::uint64_t generation = 0;
  std::string digest{};
  Time created{};
  std::string author{};  // the operator key's name
  std::string comment{};
  std::string desired{};  // the resources as YAML, when one generation was asked for
  bool operator==(const GenerationReport&) const = default;
};

struct FieldChange {
  std::string path{};  // JSON pointer
  std::string from{};  // JSON; empty: was not there
  std::string to{};    // JSON; empty: is gone
  bool operator==(const FieldChange&) const = default;
};

struct ResourceChange {
  std::string kind{};
  std::string name{};
  std::string change{};  // added, removed, changed
  std::vector<FieldChange> fields{};
  bool operator==(const ResourceChange&) const = default;
};

struct DiffReport {
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // 0: what was not stored (a dry run)
  std::vector<ResourceChange> changes{};
  bool operator==(const DiffReport&) const = default;
};

// What came of an apply or a rollback. Without changes nothing is stored and `generation` is
// the one that was there.
struct HubApplyReport {
  std::uint64_t generation = 0;
  bool is_stored = false;
  DiffReport diff{};
  bool operator==(const HubApplyReport&) const = default;
};

struct HubJobReport {
  std::string payload{};  // digest of the job's bytes
  std::string state{};    // queued, accepted, running, done, refused, failed
  std::string job{};      // its id, as the host read it
  std::string code{};
  std::string message{};
  std::string operation{};
  std::uint32_t signatures = 0;
  Time created{};
  std::optional<Time> updated{};
  std::string author{};
  bool operator==(const HubJobReport&) const = default;
};

struct AlertReport {
  std::string id{};
  std::string alert{};  // HostLate, HostDead, HostStalled, HostRecovered, HubWasDown
  std::string host_id{};
  std::string hostname{};
  Time at{};
  std::optional<Time> ended{};  // absent: it holds still
  std::string silence{};        // id of the silence that kept it from being delivered
  std::string message{};
  std::uint32_t undelivered = 0;  // receivers that have not taken it yet
  bool operator==(const AlertReport&) const = default;
};

struct SilenceReport {
  std::string id{};
  std::string host_id{};  // empty: every host
  std::string alert{};    // empty: every alert
  Time starts{};
  Time ends{};
  std::string reason{};
  std::string author{};
  bool operator==(const SilenceReport&) const = default;
};

struct EnrollTokenReport {
  std::string token{};  // hf1.TOKEN.PIN
  Time expires{};
  bool operator==(const EnrollTokenReport&) const = default;
};

// One line of JSON, keys sorted; an absent optional is left out.
std::string to_json(const StatusReport& report);
std::string to_json(const HubHostReport& report);
std::string to_json(const GenerationReport& report);
std::string to_json(const DiffReport& report);
std::string to_json(const HubApplyReport& report);
std::string to_json(const HubJobReport& report);
std::string to_json(const AlertReport& report);
std::string to_json(const SilenceReport& report);
std::string to_json(const EnrollTokenReport& report);
std::string to_json(const std::vector<HubHostReport>& reports);
std::string to_json(const std::vector<GenerationReport>& reports);
std::string to_json(const std::vector<HubJobReport>& reports);
std::string to_json(const std::vector<AlertReport>& reports);
std::string to_json(const std::vector<SilenceReport>& reports);

// The way back, from any of the types above; tolerant as parse_report().
template <class Report>
Result<Report> parse_hub_report(std::string_view json);

extern template Result<StatusReport> parse_hub_report(std::string_view);
extern template Result<HubHostReport> parse_hub_report(std::string_view);
extern template Result<GenerationReport> parse_hub_report(std::string_view);
extern template Result<DiffReport> parse_hub_report(std::string_view);
extern template Result<HubApplyReport> parse_hub_report(std::string_view);
extern template Result<HubJobReport> parse_hub_report(std::string_view);
extern template Result<AlertReport> parse_hub_report(std::string_view);
extern template Result<SilenceReport> parse_hub_report(std::string_view);
extern template Result<EnrollTokenReport> parse_hub_report(std::string_view);
extern template Result<std::vector<HubHostReport>> parse_hub_report(std::string_view);
extern template Result<std::vector<GenerationReport>> parse_hub_report(std::string_view);
extern template Result<std::vector<HubJobReport>> parse_hub_report(std::string_view);
extern template Result<std::vector<AlertReport>> parse_hub_report(std::string_view);
extern template Result<std::vector<SilenceReport>> parse_hub_report(std::string_view);

}  // namespace holdfast
