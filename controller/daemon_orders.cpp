// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <variant>

#include "base/sha256.hpp"
#include "controller/daemon_control.hpp"
#include "controller/reports.hpp"
#include "journal/writes.hpp"

namespace holdfast {
namespace {

template <class Named>
void lay_over(std::vector<Named>& base, const std::vector<Named>& edits) {
  for (const Named& edit : edits) {
    const auto at = std::find_if(base.begin(), base.end(),
                                 [&](const Named& known) { return known.name == edit.name; });
    if (at == base.end()) {
      base.push_back(edit);
    } else {
      *at = edit;
    }
  }
  std::sort(base.begin(), base.end(),
            [](const Named& a, const Named& b) { return a.name < b.name; });
}

void say_rejections(const Wanted& wanted, PlanReport& report) {
  for (const RejectedResource& rejected : wanted.state.rejected) {
    report.in_sync = false;
    report.actions.push_back({.subject = rejected.kind + "/" + rejected.name,
                              .action = "accept",
                              .reason = rejected.error.message(),
                              .verdict = Verdict::refused,
                              .rule = "Invalid",
                              .ticket = {}});
  }
}

void say_plan(const GuestPlan& plan, PlanReport& report) {
  const std::string subject = guest_subject(plan.name);
  report.in_sync = report.in_sync && plan.in_sync();
  for (const std::string& pending : plan.pending)
    report.pending.push_back(subject + ": " + pending);
  for (PlanAction& action : to_report(plan)) report.actions.push_back(std::move(action));
  if (!plan.blocked.empty())
    report.actions.push_back({.subject = subject,
                              .action = "wait",
                              .reason = plan.blocked_by,
                              .verdict = Verdict::refused,
                              .rule = plan.blocked,
                              .ticket = {}});
}

}  // namespace

Result<PlanReport> DaemonControl::plan_against(const Wanted* wanted) {
  PlanReport report;
  report.in_sync = true;
  std::set<std::string> names;
  for (const std::string& name :
       wanted == nullptr ? engine_.accepted().names() : wanted->guest_names())
    names.insert(name);
  for (const std::string& name : TRY(engine_.guests().known_guests())) names.insert(name);
  for (const std::string& name : names) {
    const auto desired =
        wanted == nullptr ? engine_.accepted().find(name) : AcceptedGuests::entry(*wanted, name);
    if (!desired) continue;
    const auto plan = engine_.guests().plan(name, *desired);
    if (!plan) {
      report.in_sync = false;
      report.unknown.push_back(guest_subject(name) + ": " + plan.error().message());
      continue;
    }
    say_plan(*plan, report);
  }
  if (wanted != nullptr) say_rejections(*wanted, report);
  return report;
}

// What would be wanted if `text` were added to what is.
Result<Wanted> DaemonControl::laid_over(const std::string& text) const {
  auto content = TRY(parse_file(text, "request"));
  const auto held = engine_.accepted().wanted();
  Fetched fetched;
  if (auto* envelope = std::get_if<HostDesiredState>(&content)) {
    fetched = {std::move(*envelope), true};
  } else {
    const auto& edits = std::get<Resources>(content);
    if (held) fetched.state = held->state;
    lay_over(fetched.state.guests, edits.guests);
    lay_over(fetched.state.images, edits.images);
    if (edits.host_config) fetched.state.host_config = edits.host_config;
    std::erase_if(fetched.state.rejected, [&](const RejectedResource& rejected) {
      return std::any_of(edits.guests.begin(), edits.guests.end(), [&](const Guest& guest) {
        return rejected.kind == "Guest" && rejected.name == guest.name;
      });
    });
    for (const RejectedResource& rejected : edits.rejected)
      fetched.state.rejected.push_back(rejected);
  }
  const auto known = TRY(engine_.guests().known_guests());
  Acceptance acceptance = judge(fetched, held.get(), known, engine_.parts().host_id);
  switch (acceptance.kind) {
    case Acceptance::Kind::unchanged: return *held;
    case Acceptance::Kind::accept: return std::move(acceptance.wanted);
    case Acceptance::Kind::held:
    case Acceptance::Kind::rolled_back:
    case Acceptance::Kind::forked:
    case Acceptance::Kind::jumped:
    case Acceptance::Kind::wrong_host: break;
  }
  return Error{Errc::denied, acceptance.reason + ": " + acceptance.message};
}

Result<PlanReport> DaemonControl::plan(const std::optional<std::string>& text) {
  if (engine_.is_observe_only())
    return Error{Errc::denied,
                 "this daemon only observes until `holdfast recover` has rebuilt its journal"};
  if (!text) {
    const auto wanted = engine_.accepted().wanted();
    PlanReport report = TRY(plan_against(nullptr));
    if (wanted) say_rejections(*wanted, report);
    for (const ConditionRecord& condition : TRY(engine_.journal().conditions("host")))
      if (condition.type.starts_with("DesiredState") && condition.status == ConditionStatus::no) {
        report.in_sync = false;  // there is a newer wish that is not in force
        report.actions.push_back({.subject = "host",
                                  .action = "accept desired state",
                                  .reason = condition.message,
                                  .verdict = Verdict::refused,
                                  .rule = condition.reason,
                                  .ticket = {}});
      }
    return report;
  }
  const Wanted wanted = TRY(laid_over(*text));
  return plan_against(&wanted);
}

Result<api::ApplyReport> DaemonControl::apply(const std::string& text) {
  const bool has_hub = settings_.hub != nullptr && settings_.hub->report();
  if (files_ == nullptr || has_hub)
    return Error{Errc::denied, "desired state comes from " + engine_.parts().source.describe() +
                                   ", not from a directory on this host; apply it there"};
  auto content = TRY(parse_file(text, "request"));
  const auto* resources = std::get_if<Resources>(&content);
  if (resources == nullptr)
    return Error{Errc::invalid,
                 "apply takes loose resources; put a whole HostDesiredState into the directory"};
  api::ApplyReport report;
  if (!engine_.is_observe_only()) {
    const Wanted wanted = TRY(laid_over(text));
    report.plan = TRY(plan_against(&wanted));
  }
  {
    const auto alone = applying_.lock();
    report.written = TRY(files_->apply(*resources));
  }
  engine_.wake_host();
  return report;
}

Result<OperationId> DaemonControl::give(const api::Order& order) {
  if (engine_.is_observe_only())
    return Error{Errc::denied,
                 "this daemon only observes until `holdfast recover` has rebuilt its journal"};
  GuestReconciler& guests = engine_.guests();
  const auto begin = [&]() -> Result<OperationId> {
    using Kind = api::Order::Kind;
    switch (order.kind) {
      case Kind::snapshot: return guests.begin_snapshot(order.guest, order.object);
      case Kind::roll_back: return guests.begin_roll_back(order.guest, order.object, std::nullopt);
      case Kind::remove_snapshot:
        return guests.begin_remove_snapshot(order.guest, order.object, std::nullopt);
      case Kind::destroy: return guests.begin_destroy(order.guest, std::nullopt);
      case Kind::undelete: return guests.begin_undelete(order.guest);
    }
    return Error{Errc::internal, "an order of no kind"};
  };
  const OperationId id = TRY(begin());
  engine_.wake_for_order(order.guest);
  return id;
}

Result<void> DaemonControl::wake_subject_of(OperationId id) {
  const Operation operation = TRY(engine_.journal().operation(id));
  if (const auto name = guest_name_of(operation.subject)) engine_.wake_for_order(*name);
  return ok();
}

Result<void> DaemonControl::retry(OperationId id) {
  const Operation operation = TRY(engine_.journal().operation(id));
  if (operation.state != OperationState::stuck)
    return Error{Errc::conflict, to_string(id) + " is " + std::string{to_string(operation.state)} +
                                     "; only a stuck operation can be retried"};
  const auto body = [&](Writes& writes) -> Result<void> {
    TRY(writes.unstick(id));
    return writes.audit("retry", operation.subject, R"({"operation":")" + to_string(id) + "\"}");
  };
  TRY(engine_.journal().commit(body));
  return wake_subject_of(id);
}

Result<void> DaemonControl::roll_back(OperationId id) {
  const Operation operation = TRY(engine_.journal().operation(id));
  if (operation.state != OperationState::stuck || operation.forward_only)
    return Error{Errc::conflict,
                 to_string(id) + " cannot be turned back: " +
                     (operation.forward_only ? "it is past the point of no return"
                                             : "it is " + std::string{to_string(operation.state)} +
                                                   ", and only a stuck operation can be")};
  const auto body = [&](Writes& writes) -> Result<void> {
    TRY(writes.unstick(id));
    TRY(writes.turn_back(id, "turned back by an operator"));
    return writes.audit("turn-back", operation.subject,
                        R"({"operation":")" + to_string(id) + "\"}");
  };
  TRY(engine_.journal().commit(body));
  return wake_subject_of(id);
}

Result<api::RecoverReport> DaemonControl::recover(bool confirm) {
  api::RecoverReport report;
  const Recovery recovery = TRY(engine_.guests().plan_recovery());
  // Also after a journal that was not damaged but lost: nobody set an empty one aside.
  report.is_needed = engine_.is_observe_only() || !recovery.rows.empty();
  report.sentences = recovery.sentences;
  if (engine_.is_observe_only()) {
    for (const std::string& name : engine_.accepted().names())
      if (!recovery.claimed.contains(name))
        report.sentences.push_back("guest " + name +
                                   " is wanted and no guest here says that it is it: it will be "
                                   "made anew from its image");
    if (report.sentences.empty())
      report.sentences.emplace_back("no guest on this host carries Holdfast's marker");
  }
  if (!confirm) return report;
  TRY(engine_.guests().apply(recovery));
  TRY(engine_.resume_work());
  report.is_done = true;
  return report;
}

}  // namespace holdfast
