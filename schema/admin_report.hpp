// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/job_state.hpp"
#include "base/result.hpp"
#include "schema/quantity.hpp"
#include "schema/report.hpp"

// What only the admin socket speaks of; a hub never sees it. Form and promises as in
// schema/report.hpp.
namespace holdfast {

struct StepReport {
  std::string name{};
  std::string state{};  // pending, begun, done, undone
  std::string input{};
  std::string output{};
  std::string task{};
  Time begun{};
  Time ended{};
  bool operator==(const StepReport&) const = default;
};

struct OperationDetail {
  OperationReport operation{};
  std::vector<StepReport> steps{};
  bool operator==(const OperationDetail&) const = default;
};

struct SnapshotReport {
  std::string name{};
  Time created{};
  Incarnation incarnation{};
  bool is_ours = false;  // "ours"
  bool operator==(const SnapshotReport&) const = default;
};

struct BackupReport {
  std::string id{};     // what the provider calls it, and a signed order's object
  std::string guest{};  // whose it is; empty when this installation did not take it
  Uuid uuid{};
  Incarnation incarnation{};
  Time taken{};
  Bytes size{};               // as it is stored
  bool is_protected = false;  // "protected"
  bool is_ours = false;       // "ours"
  std::string job{};          // on whose signed order
  std::string note{};
  bool operator==(const BackupReport&) const = default;
};

struct ImageReport {
  std::string name{};
  std::string version{};
  std::string directory{};
  Bytes size{};  // of its disks as the guest sees them
  bool operator==(const ImageReport&) const = default;
};

// An import that is under way.
struct ImportReport {
  std::string path{};
  Bytes done{};
  Bytes total{};
  bool operator==(const ImportReport&) const = default;
};

struct TargetReport {
  std::string name{};
  std::string path{};
  Bytes size{};
  Bytes available{};
  std::string problem{};
  bool operator==(const TargetReport&) const = default;
};

// Whether the provider can be used, piece by piece.
struct ProviderCheck {
  std::string what{};
  bool is_fine = false;
  std::string problem{};  // and what to do about it
  bool operator==(const ProviderCheck&) const = default;
};
struct ProviderReport {
  std::string provider{};
  std::string address{};
  std::vector<ProviderCheck> checks{};
  bool operator==(const ProviderReport&) const = default;
};

// What was written where, and what that will change.
struct ApplyReport {
  std::vector<std::string> written{};
  PlanReport plan{};
  bool operator==(const ApplyReport&) const = default;
};

struct RecoverReport {
  bool is_needed = false;  // "needed": the daemon is observe-only
  bool is_done = false;    // "done"
  std::vector<std::string> sentences{};
  bool operator==(const RecoverReport&) const = default;
};

// A signed job that came here, and what became of it.
struct JobReport {
  std::string id{};       // empty when it was refused before it could be believed
  std::string payload{};  // "sha256:..." of the signed bytes
  std::string action{};
  std::string subject{};  // "guest/acme"
  JobState state = JobState::accepted;
  std::string code{};  // why it was refused or failed
  std::string message{};
  std::string operation{};  // "op-42", once it was begun
  Time received{};
  Time expires{};
  Time ended{};
  bool operator==(const JobReport&) const = default;
};

std::string to_json(const OperationDetail& report);
std::string to_json(const SnapshotReport& report);
std::string to_json(const BackupReport& report);
std::string to_json(const ImageReport& report);
std::string to_json(const TargetReport& report);
std::string to_json(const ProviderReport& report);
std::string to_json(const ApplyReport& report);
std::string to_json(const RecoverReport& report);
std::string to_json(const JobReport& report);
std::string to_json(const std::vector<JobReport>& reports);
std::string to_json(const std::vector<SnapshotReport>& reports);
std::string to_json(const std::vector<BackupReport>& reports);
std::string to_json(const std::vector<ImageReport>& reports);
std::string to_json(const std::vector<ImportReport>& reports);
std::string to_json(const std::vector<TargetReport>& reports);

// As parse_report(), which is of schema/report.hpp's types alone.
template <class Report>
Result<Report> parse_admin_report(std::string_view json);

extern template Result<OperationDetail> parse_admin_report(std::string_view);
extern template Result<ImageReport> parse_admin_report(std::string_view);
extern template Result<ApplyReport> parse_admin_report(std::string_view);
extern template Result<RecoverReport> parse_admin_report(std::string_view);
extern template Result<JobReport> parse_admin_report(std::string_view);
extern template Result<std::vector<JobReport>> parse_admin_report(std::string_view);
extern template Result<std::vector<SnapshotReport>> parse_admin_report(std::string_view);
extern template Result<std::vector<BackupReport>> parse_admin_report(std::string_view);
extern template Result<std::vector<ImageReport>> parse_admin_report(std::string_view);
extern template Result<std::vector<ImportReport>> parse_admin_report(std::string_view);
extern template Result<ProviderReport> parse_admin_report(std::string_view);
extern template Result<std::vector<TargetReport>> parse_admin_report(std::string_view);

}  // namespace holdfast
