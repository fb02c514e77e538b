// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/proxmox/call.hpp"
#include "tests/proxmox/value_checks.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

std::int64_t seconds_of(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool is_own(const Call& call, const Task& task) {
  return task.owner.id() == call.caller.id() || task.owner.user == call.caller.id();
}

Task& task_of(Call& call, const std::string& privilege) {
  const auto upid = call.text("upid");
  const std::string pattern =
      "UPID:([a-zA-Z0-9](?:[a-zA-Z0-9\\-]*[a-zA-Z0-9])?):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):"
      "([0-9A-Fa-f]{8}):([^:\\s/]+):([^:\\s/]*):([^:\\s/]+):";
  if (!matches(pattern, upid)) refuse_parameter("upid", "unable to parse worker upid");
  Task* task = call.tasks.find(upid);
  if (task != nullptr && !is_own(call, *task)) call.require("/nodes/" + call.world.node, privilege);
  if (task == nullptr) refuse_parameter("upid", "no such task");
  return *task;
}

json basics(const Call& call, const Task& task) {
  return {{"upid", task.upid},
          {"type", task.type},
          {"id", task.id},
          {"node", call.world.node},
          {"pid", task.pid},
          {"pstart", task.pstart},
          {"starttime", seconds_of(task.started)}};
}

bool has_error(const Task& task) { return task.exit != "OK" && !task.exit.starts_with("WARNINGS"); }

std::string status_kind(const Task& task) {
  if (task.exit == "OK") return "ok";
  if (task.exit.starts_with("WARNINGS")) return "warning";
  return task.exit.empty() ? "unknown" : "error";
}

bool is_wanted(const Call& call, const Task& task) {
  const auto source = call.text("source", "archive");
  const auto kinds = split_list(call.text("statusfilter"));
  const bool is_owner = is_own(call, task);
  const bool may_audit = call.may("/nodes/" + call.world.node, "Sys.Audit");  // asked for anyway
  return (is_owner || may_audit) && (source == "all" || task.is_running == (source == "active")) &&
         (!call.flag("errors") || has_error(task)) &&
         (!call.has("vmid") || task.id == call.text("vmid")) &&
         (!call.has("typefilter") || task.type == call.text("typefilter")) &&
         (!call.has("since") || seconds_of(task.started) >= call.number("since")) &&
         (!call.has("until") || seconds_of(task.started) <= call.number("until")) &&
         (!call.has("userfilter") ||
          task.owner.id().find(call.text("userfilter")) != std::string::npos) &&
         (kinds.empty() || std::find(kinds.begin(), kinds.end(), status_kind(task)) != kinds.end());
}

json row_of(const Call& call, const Task& task) {
  json row = basics(call, task);
  if (task.is_running) {
    row["user"] = task.owner.id();  // in one, here only
    row["status"] = "RUNNING";
    row["saved"] = "0";
    return row;
  }
  row["user"] = task.owner.user;
  row["tokenid"] = task.owner.token;
  row["status"] = task.exit;
  row["endtime"] = seconds_of(task.ended);
  return row;
}

}  // namespace

json answer_tasks(Call& call) {
  const auto& all = call.tasks.all();
  std::vector<const Task*> wanted;
  for (auto task = all.rbegin(); task != all.rend(); ++task)
    if (is_wanted(call, *task)) wanted.push_back(&*task);
  const auto first = static_cast<std::size_t>(call.number("start"));
  const auto limit = static_cast<std::size_t>(call.number("limit", 50));
  json rows = json::array();
  for (auto i = first; i < wanted.size() && i < first + limit; ++i)
    rows.push_back(row_of(call, *wanted[i]));
  call.total = wanted.size();
  return rows;
}

json answer_task_status(Call& call) {
  const Task& task = task_of(call, "Sys.Audit");
  json shown = basics(call, task);
  shown["user"] = task.owner.user;
  shown["tokenid"] = task.owner.token;
  shown["status"] = task.is_running ? "running" : "stopped";
  if (!task.is_running) shown["exitstatus"] = task.exit;
  return shown;
}

json answer_task_log(Call& call) {
  const Task& task = task_of(call, "Sys.Audit");
  const auto first = static_cast<std::size_t>(call.number("start"));
  auto limit = static_cast<std::size_t>(call.number("limit", 50));
  if (limit == 0) limit = task.log.size();
  json lines = json::array();
  for (auto i = first; i < task.log.size() && i < first + limit; ++i)
    lines.push_back({{"n", i + 1}, {"t", task.log[i]}});
  call.total = task.log.size();
  return lines;
}

json stop_task(Call& call) {
  call.tasks.stop(task_of(call, "Sys.Modify"), call.now);
  return nullptr;
}

}  // namespace holdfast::standin
