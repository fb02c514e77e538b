// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/control_plane.hpp"
#include "controller/engine.hpp"
#include "controller/signed_orders.hpp"
#include "hubclient/file_source.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast {

// What the daemon tells and is told through its admin socket. Thread-safe: it reads the
// journal and the provider, and gives orders through the journal and the queue.
class DaemonControl final : public api::Reports, public api::Inspections, public api::Orders {
 public:
  struct Settings {
    std::string version{};
    std::string connect_uri{};
    std::function<Result<std::vector<TargetReport>>()> targets{};
    std::function<Result<ProviderReport>()> check_provider{};
    std::string config_text{};      // agent.yaml as read, for support
    const HubWatch* hub = nullptr;  // null: there is no hub
  };
  // `files` is null when desired state never comes from a directory, and `orders` when no
  // signed jobs are taken.
  DaemonControl(Engine& engine, FileSource* files, SignedOrders* orders, Settings settings)
      : engine_{engine}, files_{files}, orders_{orders}, settings_{std::move(settings)} {}

  Result<HostReport> host() override;
  Result<std::vector<GuestReport>> guests() override;
  Result<GuestReport> guest(const std::string& name) override;
  Result<std::vector<std::string>> why(const std::string& name) override;
  Result<std::vector<OperationReport>> operations(const std::string& subject,
                                                  std::size_t limit) override;
  Result<api::OperationDetail> operation(OperationId id) override;
  Result<std::vector<TicketReport>> tickets() override;

  Result<TicketReport> ticket(const std::string& id) override;
  Result<PlanReport> plan(const std::optional<std::string>& text) override;
  Result<std::vector<api::SnapshotReport>> snapshots(const std::string& guest) override;
  Result<std::vector<api::BackupReport>> backups(const std::string& guest) override;
  Result<std::vector<api::ImageReport>> images() override;
  Result<std::vector<api::ImportReport>> imports() override;
  Result<std::vector<api::TargetReport>> targets() override { return settings_.targets(); }
  Result<std::vector<api::JobReport>> jobs(std::size_t limit) override;
  Result<api::JobReport> job(const std::string& id) override;
  Result<api::ProviderReport> provider() override { return settings_.check_provider(); }
  Result<std::string> support() override;

  Result<api::ApplyReport> apply(const std::string& text) override;
  Result<OperationId> give(const api::Order& order) override;
  Result<api::JobReport> submit_job(const std::string& envelope) override;
  Result<void> retry(OperationId id) override;
  Result<void> roll_back(OperationId id) override;
  Result<api::RecoverReport> recover(bool confirm) override;
  Result<api::ImageReport> import_image(const std::string& path) override;

  // All that a hub is told.
  Result<StatusReport> status();

 private:
  Result<OperationReport> report(const Operation& operation);
  Result<GuestReport> report(const std::string& name, const host::Inventory* inventory);
  Result<PlanReport> plan_against(const Wanted* wanted);
  Result<Wanted> laid_over(const std::string& text) const;
  Result<void> wake_subject_of(OperationId id);

  Engine& engine_;
  FileSource* files_;
  SignedOrders* orders_;
  Settings settings_;
  Guarded<std::map<std::string, host::Progress>> imports_{};  // under way, by path
  Guarded<int> applying_{};  // one writer of the directory at a time
};

}  // namespace holdfast
