// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "schema/hub_protocol.hpp"

// What the hub stores. Plain values.
namespace holdfast::hub {

enum class Role { editor, viewer };  // "operator", "viewer": the latter may only read

struct Operator {
  std::string name{};
  std::string key_hash{};  // SHA-256 in hex
  Role role = Role::editor;
  Time created{};
};

struct Token {
  std::string hash{};  // SHA-256 in hex
  std::string author{};
  Time expires{};
  std::optional<Time> spent{};
};

struct Host {
  std::string id{};
  std::string hostname{};
  std::string version{};
  std::string key_hash{};  // SHA-256 in hex
  Time enrolled{};
};

// The newest heartbeat of a host.
struct Beat {
  std::string host{};
  Time at{};
  Heartbeat said{};
};

enum class Liveness { alive, late, dead };  // "alive", "late", "dead"
std::string_view name_of(Liveness liveness);

// What was last said of a host's lease.
struct Standing {
  Liveness liveness = Liveness::alive;
  bool is_stalled = false;
  bool operator==(const Standing&) const = default;
};

// What a host holds and reported.
struct HostState {
  std::optional<Time> reported{};
  Held held{};
  std::string report{};  // JSON of a StatusReport, or empty
};

struct Generation {
  std::uint64_t generation = 0;
  std::string digest{};
  Time created{};
  std::string author{};
  std::string comment{};
  std::string envelope{};  // JSON of the HostDesiredState; left out of lists
};

// Of one host, without a final result; more are refused.
inline constexpr std::size_t max_open_jobs = 256;

struct StoredJob {
  std::string digest{};  // of the payload
  JobEnvelope envelope{};
  std::string author{};
  Time created{};
  std::string state = "queued";  // or a JobState
  std::optional<Time> updated{};
  std::string job{};
  std::string code{};
  std::string message{};
  std::string operation{};
};
// Whether nothing follows.
bool is_final(const StoredJob& job);

struct Alert {
  std::string id{};
  std::string alert{};
  std::string host{};  // empty: the hub itself
  std::string hostname{};
  Time at{};
  std::optional<Time> ended{};
  std::string silence{};
  std::string message{};
  std::uint32_t undelivered = 0;  // only read
  std::uint32_t deliveries = 0;   // only read
};

struct Delivery {
  std::string alert{};  // its id
  std::string host{};   // only read
  std::string receiver{};
  std::string body{};
  std::uint32_t attempts = 0;
};

struct Silence {
  std::string id{};
  std::string host{};
  std::string alert{};
  Time starts{};
  Time ends{};
  std::string reason{};
  std::string author{};
};

}  // namespace holdfast::hub
