// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/hub_control.hpp"
#include "api/metrics.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "schema/admin_report.hpp"
#include "schema/report.hpp"

namespace holdfast::api {

using holdfast::ApplyReport;
using holdfast::BackupReport;
using holdfast::ImageReport;
using holdfast::ImportReport;
using holdfast::JobReport;
using holdfast::OperationDetail;
using holdfast::ProviderReport;
using holdfast::RecoverReport;
using holdfast::SnapshotReport;
using holdfast::StepReport;
using holdfast::TargetReport;

// An order by the operator at the socket; runs under the guest's lock like any operation.
struct Order {
  enum class Kind { snapshot, roll_back, remove_snapshot, destroy, undelete };
  Kind kind = Kind::snapshot;
  std::string guest{};
  std::string object{};  // the snapshot's name
};

// What the daemon knows. Thread-safe; answers from memory and journal, except where said.
class Reports {
 public:
  virtual ~Reports() = default;
  virtual Result<HostReport> host() = 0;
  // Ours, and foreign ones; asks the provider once.
  virtual Result<std::vector<GuestReport>> guests() = 0;
  virtual Result<GuestReport> guest(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> why(const std::string& name) = 0;
  // Newest first; `subject` empty for all.
  virtual Result<std::vector<OperationReport>> operations(const std::string& subject,
                                                          std::size_t limit) = 0;
  virtual Result<OperationDetail> operation(OperationId id) = 0;
  virtual Result<std::vector<TicketReport>> tickets() = 0;
};

// What the daemon keeps for guests, and would do. As Reports.
class Inspections {
 public:
  virtual ~Inspections() = default;
  virtual Result<TicketReport> ticket(const std::string& id) = 0;
  // Of the accepted state, or of `text` (loose resources laid over it, or an envelope).
  virtual Result<PlanReport> plan(const std::optional<std::string>& text) = 0;
  virtual Result<std::vector<SnapshotReport>> snapshots(const std::string& guest) = 0;
  // Of that guest, also one that is gone; empty: all that the provider shows, others' too.
  virtual Result<std::vector<BackupReport>> backups(const std::string& guest) = 0;
  virtual Result<std::vector<ImageReport>> images() = 0;
  // Imports that are under way.
  virtual Result<std::vector<ImportReport>> imports() = 0;
  virtual Result<std::vector<TargetReport>> targets() = 0;
  // Asks the provider for everything that guests will need of it.
  virtual Result<ProviderReport> provider() = 0;
  // Signed jobs that came here, newest first.
  virtual Result<std::vector<JobReport>> jobs(std::size_t limit) = 0;
  virtual Result<JobReport> job(const std::string& id) = 0;
  // Plain text for a support bundle: versions, configuration, conditions, recent
  // operations. No secrets: bootstrap data is left out.
  virtual Result<std::string> support() = 0;
};

// What an operator may ask of the daemon. None of it passes the gate by itself.
class Orders {
 public:
  virtual ~Orders() = default;
  // Writes `text` (loose resources) into the desired-state directory.
  virtual Result<ApplyReport> apply(const std::string& text) = 0;
  // Errc::denied, naming the ticket, for what needs a signature.
  virtual Result<OperationId> give(const Order& order) = 0;
  // A signed job: JSON of a JobEnvelope. Believed for its signatures alone, whoever brings it.
  // Errc::denied, with the code, when it is refused; conflict, when it was used before;
  // unavailable, when it has to wait.
  virtual Result<JobReport> submit_job(const std::string& envelope) = 0;
  // A stuck operation: try again, or turn back.
  virtual Result<void> retry(OperationId id) = 0;
  virtual Result<void> roll_back(OperationId id) = 0;
  // What `recover` would write; with `confirm` it is written and work resumes.
  virtual Result<RecoverReport> recover(bool confirm) = 0;
  // From a directory or archive on this host; may take minutes.
  virtual Result<ImageReport> import_image(const std::string& path) = 0;
};

// Everything behind the admin socket, handed over together.
struct ControlPlane {
  Reports& reports;
  Inspections& inspections;
  Orders& orders;
  HubControl* hub = nullptr;   // null: this daemon cannot be enrolled
  Metrics* metrics = nullptr;  // null: nothing is counted
};

}  // namespace holdfast::api
