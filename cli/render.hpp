// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "schema/admin_report.hpp"
#include "schema/job.hpp"
#include "schema/report.hpp"

// From reports to what a person reads. Pure: same report, same text.
namespace holdfast::cli {

// "3m20s" as kubectl counts; empty for a time that was never set.
std::string age(Time then, Time now);
// For people: "1.5Gi". Exact quantities are in -o json.
std::string rounded(Bytes bytes);

// Conditions with the subject each is about.
using SubjectCondition = std::pair<std::string, Condition>;

Table guests_table(const std::vector<GuestReport>& guests, bool wide);
Table operations_table(const std::vector<OperationReport>& operations, Time now, bool wide);
Table tickets_table(const std::vector<TicketReport>& tickets, Time now, bool wide);
Table jobs_table(const std::vector<JobReport>& jobs, Time now, bool wide);
Table backups_table(const std::vector<BackupReport>& backups, Time now, bool wide);
Table images_table(const std::vector<ImageReport>& images, bool wide);
Table snapshots_table(const std::vector<SnapshotReport>& snapshots, Time now);
Table provider_table(const ProviderReport& report);
Table targets_table(const std::vector<TargetReport>& targets);
Table conditions_table(const std::vector<SubjectCondition>& conditions, Time now);
Table host_table(const HostReport& host, Time now, bool wide);

// As `kubectl describe`: names, values, then lists.
struct GuestStory {
  GuestReport guest{};
  std::vector<OperationReport> operations{};  // of this guest, newest first
  std::vector<TicketReport> tickets{};        // of this guest
};
std::string describe_guest(const GuestStory& story, Time now, const Style& style);
std::string describe_operation(const OperationDetail& detail, Time now, const Style& style);
std::string describe_host(const HostReport& host, Time now, const Style& style);
std::string describe_ticket(const TicketReport& ticket, Time now, const Style& style);
// The commands that sign it and hand it in.
std::string ways_to_sign(const TicketReport& ticket);

// What a job orders, for who is about to sign it.
std::string describe_job(const Job& job, Time now, const Style& style);

// As `terraform plan`: + - ~ for what would be done, ! for what is refused, ? for what could
// not be observed. `detailed` adds how the gate sees each.
std::string render_plan(const PlanReport& plan, const Style& style, bool detailed);
// What waits for a guest's next stop; empty when nothing does.
std::string render_pending(const PlanReport& plan, const Style& style);

}  // namespace holdfast::cli
