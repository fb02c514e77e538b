// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema/field_table.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/report.hpp"

// Private to schema/: tables of reports that are also parts of others.
namespace holdfast {

const Table<OperationReport>& operation_report_table();
const Table<PlanReport>& plan_report_table();
const Table<HostReport>& host_report_table();
const Table<GuestReport>& guest_report_table();
const Table<TicketReport>& ticket_report_table();
const Table<StatusReport>& status_report_table();

}  // namespace holdfast
