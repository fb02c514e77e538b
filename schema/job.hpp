// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace holdfast {

// The guest a job speaks of, and which of its lives.
struct GuestBinding {
  Uuid uuid{};
  Incarnation incarnation{};
  std::string name{};  // for the person who signs; not what is matched
  bool operator==(const GuestBinding&) const = default;
};

// A one-shot order. What is signed is the text of the file, byte for byte: whoever
// verifies parses the very bytes that were verified.
struct Job {
  std::string id{};       // 32 lower-case hex digits, 128 random bits: the replay key
  std::string action{};   // one of job_actions()
  std::string host_id{};  // 32 lower-case hex digits
  std::optional<GuestBinding> guest{};
  std::optional<std::string> fingerprint{};  // "sha256:..." of the guest as last reported
  Time not_before{};
  Time expires{};  // after not_before
  std::map<std::string, std::string> params{};
  std::string reason{};
  bool operator==(const Job&) const = default;
};

// The text of the job file: indented JSON in the order of the fields above, ending in a
// newline. Equal jobs print equal bytes. parse_job(to_json(job)) == job.
std::string to_json(const Job& job);
// Strict: JSON only, duplicate keys, unknown fields, unknown actions and wrong types are
// Errc::invalid. Times are not judged against a clock here.
Result<Job> parse_job(std::string_view text, std::string_view source_name = "job");

// The action that a text claims to order, also when it is no job that can be parsed; empty when
// it claims none. To tell an action of a newer version from a broken file.
std::string action_of_job_text(std::string_view text);

// The actions that a job may carry, sorted.
std::span<const std::string_view> job_actions();
// Whether `action` is one of them.
bool is_job_action(std::string_view action);

}  // namespace holdfast
