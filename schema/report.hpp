// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/condition_status.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "schema/quantity.hpp"

// What the daemon tells its admin API and the hub. Plain values; field names in JSON are
// the members' in camelCase. Times are RFC 3339, quantities canonical.
namespace holdfast {

enum class HostMode { normal, observe_only };        // "normal", "observe-only"
enum class Verdict { free, needs_permit, refused };  // "free", "needs-permit", "refused"

// As in Kubernetes.
struct Condition {
  std::string type{};
  ConditionStatus status = ConditionStatus::unknown;
  std::string reason{};    // CamelCase, for programs
  std::string message{};   // for people
  Time last_transition{};  // lastTransitionTime
  std::uint64_t observed_generation = 0;
  bool operator==(const Condition&) const = default;
};

struct DiskReport {
  std::string name{};
  Bytes size{};
  std::string target{};
  bool operator==(const DiskReport&) const = default;
};

// A disk that a signed order took out of use. It can be had back until it is removed.
struct SetAsideReport {
  std::string name{};
  std::string path{};
  std::string verb{};  // what was ordered: "shrink_disk"
  std::string job{};   // its id
  Time removed{};      // when it goes for good
  bool operator==(const SetAsideReport&) const = default;
};

struct InterfaceReport {
  std::string name{};
  std::string kind{};  // bridge, network, user, or what the provider calls it
  std::string source{};
  std::string mac{};
  std::vector<std::string> addresses{};
  bool operator==(const InterfaceReport&) const = default;
};

struct PortReport {
  std::string protocol{};
  std::uint16_t guest_port = 0;
  std::uint16_t host_port = 0;  // as chosen
  bool operator==(const PortReport&) const = default;
};

struct OperationReport {
  std::string id{};       // "op-42"
  std::string kind{};     // "create-guest"
  std::string subject{};  // "guest/acme"
  std::string state{};    // as the journal names it
  std::string step{};
  std::uint32_t attempts = 0;
  Time started{};
  Time updated{};
  std::string cause{};               // the last error; empty when there was none
  std::optional<double> progress{};  // of the current step, 0 to 1
  std::string progress_text{};
  bool operator==(const OperationReport&) const = default;
};

struct GuestReport {
  std::string name{};
  Uuid uuid{};
  Incarnation incarnation{0};  // 0: foreign, or not known
  std::string provider{};
  std::string phase{};  // one word for tables
  std::string power{};  // as observed; "Unknown" when it cannot be told
  std::string image{};  // "name version"
  std::uint32_t cpus = 0;
  Bytes memory{};
  std::vector<DiskReport> disks{};
  std::vector<SetAsideReport> set_aside{};
  std::optional<Time> removed{};  // destroyed on a signed order: when its disks go for good
  std::vector<InterfaceReport> interfaces{};
  std::vector<PortReport> ports{};
  std::vector<Condition> conditions{};
  bool foreign = false;  // not made by Holdfast: listed, never touched
  std::optional<OperationReport> operation{};
  std::string spec_digest{};
  std::string fingerprint{};  // of the guest as reported here; what a job may be bound to
  bool operator==(const GuestReport&) const = default;
};

// A refused step and the job that would allow it.
struct TicketReport {
  std::string id{};
  std::string subject{};
  std::string rule{};
  std::string message{};
  Time created{};
  std::string job{};  // the job file's exact text, ready to be signed
  std::vector<std::string> effects{};
  bool operator==(const TicketReport&) const = default;
};

struct PlanAction {
  std::string subject{};
  std::string action{};
  std::string reason{};
  Verdict verdict = Verdict::free;
  std::string rule{};    // why, unless free
  std::string ticket{};  // its id, when there is one
  bool operator==(const PlanAction&) const = default;
};

struct PlanReport {
  bool in_sync = false;
  std::vector<PlanAction> actions{};
  // Subjects that could not be observed: the plan says nothing about them.
  std::vector<std::string> unknown{};
  // What a guest takes on at its next stop: "guest/acme: memory: ...". In sync all the same:
  // nothing can be done about it now.
  std::vector<std::string> pending{};
  bool operator==(const PlanReport&) const = default;
};

// How it stands with the hub.
struct HubReport {
  std::string url{};
  std::string state{};    // connected, silent, not enrolled
  std::string message{};  // why, unless connected
  std::optional<Time> last_sync{};
  std::optional<Time> last_heartbeat{};
  std::optional<Duration> clock_ahead{};   // the hub's clock against ours,
  std::optional<Duration> clock_behind{};  // whichever it is
  bool operator==(const HubReport&) const = default;
};

struct HostReport {
  std::string host_id{};
  std::string version{};         // of holdfastd
  std::uint64_t generation = 0;  // accepted; 0: none yet
  std::optional<Time> accepted_at{};
  std::string digest{};  // of the resources of that generation
  std::string source{};  // where desired state comes from
  std::optional<HubReport> hub{};
  HostMode mode = HostMode::normal;
  std::string hypervisor{};         // "connected" or why not
  std::optional<Time> last_pass{};  // the last finished one
  Duration last_pass_took{};
  std::uint32_t guests = 0;
  std::uint32_t open_operations = 0;
  std::uint32_t open_tickets = 0;
  std::vector<Condition> conditions{};
  bool operator==(const HostReport&) const = default;
};

// One thing that happened, for `describe` and `why`.
struct EventReport {
  Time at{};
  std::string subject{};
  std::string severity{};  // info, warn, error
  std::string reason{};    // CamelCase
  std::string message{};
  bool operator==(const EventReport&) const = default;
};

std::string_view to_string(HostMode mode);
std::string_view to_string(Verdict verdict);

// One line of JSON, keys sorted; an absent optional is left out. Text that is not UTF-8
// (a provider's error) is made so, with U+FFFD.
std::string to_json(const Condition& report);
std::string to_json(const OperationReport& report);
std::string to_json(const GuestReport& report);
std::string to_json(const TicketReport& report);
std::string to_json(const PlanReport& report);
std::string to_json(const HostReport& report);
std::string to_json(const HubReport& report);
std::string to_json(const EventReport& report);
std::string to_json(const std::vector<Condition>& reports);
std::string to_json(const std::vector<OperationReport>& reports);
std::string to_json(const std::vector<GuestReport>& reports);
std::string to_json(const std::vector<TicketReport>& reports);
std::string to_json(const std::vector<EventReport>& reports);

// The way back, from any of the types above: parse_report<std::vector<GuestReport>>(text).
// Fields it does not know are ignored and missing ones keep their default, so that an old
// CLI reads a new daemon; a wrong type is Errc::invalid.
template <class Report>
Result<Report> parse_report(std::string_view json);

extern template Result<Condition> parse_report(std::string_view);
extern template Result<OperationReport> parse_report(std::string_view);
extern template Result<GuestReport> parse_report(std::string_view);
extern template Result<TicketReport> parse_report(std::string_view);
extern template Result<PlanReport> parse_report(std::string_view);
extern template Result<HostReport> parse_report(std::string_view);
extern template Result<HubReport> parse_report(std::string_view);
extern template Result<EventReport> parse_report(std::string_view);
extern template Result<std::vector<Condition>> parse_report(std::string_view);
extern template Result<std::vector<OperationReport>> parse_report(std::string_view);
extern template Result<std::vector<GuestReport>> parse_report(std::string_view);
extern template Result<std::vector<TicketReport>> parse_report(std::string_view);
extern template Result<std::vector<EventReport>> parse_report(std::string_view);

}  // namespace holdfast
