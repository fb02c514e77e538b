// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "http/message.hpp"
#include "schema/admin_report.hpp"
#include "schema/report.hpp"

namespace holdfast::cli {

// The daemon, as its admin socket shows it; one exchange per call. Errors are the daemon's
// own, by kind and message; Errc::unavailable when it cannot be reached, and
// Errc::denied when this user may not. Thread-safe.
class AdminClient {
 public:
  explicit AdminClient(std::string socket) : socket_{std::move(socket)} {}

  Result<HostReport> status() const;
  Result<std::vector<GuestReport>> guests() const;
  Result<GuestReport> guest(const std::string& name) const;
  Result<std::vector<std::string>> why(const std::string& guest) const;
  // Newest first; `subject` empty for all.
  Result<std::vector<OperationReport>> operations(const std::string& subject,
                                                  std::size_t limit) const;
  Result<OperationDetail> operation(OperationId id) const;
  Result<std::vector<TicketReport>> tickets() const;
  Result<TicketReport> ticket(const std::string& id) const;
  Result<PlanReport> plan(const std::optional<std::string>& text) const;
  Result<std::vector<SnapshotReport>> snapshots(const std::string& guest) const;
  // Empty: all.
  Result<std::vector<BackupReport>> backups(const std::string& guest) const;
  Result<std::vector<ImageReport>> images() const;
  Result<std::vector<ImportReport>> imports() const;
  Result<std::vector<TargetReport>> targets() const;
  Result<ProviderReport> provider() const;
  Result<std::string> support() const;
  Result<std::vector<JobReport>> jobs(std::size_t limit) const;
  Result<JobReport> job(const std::string& id) const;

  Result<ApplyReport> apply(const std::string& text) const;
  Result<OperationId> take_snapshot(const std::string& guest, const std::string& name) const;
  Result<OperationId> roll_back(const std::string& guest, const std::string& snapshot) const;
  Result<OperationId> remove_snapshot(const std::string& guest, const std::string& snapshot) const;
  Result<OperationId> destroy(const std::string& guest) const;
  Result<OperationId> undelete(const std::string& guest) const;
  Result<JobReport> submit_job(std::string envelope) const;
  Result<void> retry(OperationId id) const;
  Result<void> roll_back(OperationId id) const;
  Result<RecoverReport> recover(bool confirm) const;
  // Talks to the hub before it answers.
  Result<HubReport> enroll(const std::string& hub, const std::string& token) const;
  // Waits until it is imported, up to a day.
  Result<ImageReport> import_image(const std::string& absolute_path) const;

 private:
  Result<std::string> exchange(const http::Request& request, Duration deadline) const;
  Result<std::string> get(const std::string& path) const;
  Result<std::string> post(const std::string& path, std::string body) const;
  Result<OperationId> order(const std::string& method, const std::string& path,
                            std::string body) const;

  std::string socket_;
};

}  // namespace holdfast::cli
