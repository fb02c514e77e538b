// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/follow.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

Result<Exit> begun(const Invocation& invocation, OperationId id, const std::string& what,
                   const OrderOptions& options) {
  TRY(invocation.show(nlohmann::json{{"operation", to_string(id)}}.dump(),
                      [&] { return to_string(id) + " begun: " + printable(what) + "\n"; }));
  if (options.wait) return follow_operation(invocation, id, *options.wait);
  if (invocation.is_for_people())
    invocation.say("follow it with `holdfast describe operation " + to_string(id) +
                   "`, or use --wait");
  return Exit::done;
}

}  // namespace

Result<Exit> snapshot_create(const Invocation& invocation, const OrderOptions& options) {
  const auto id = TRY(invocation.daemon().take_snapshot(options.guest, options.snapshot));
  return begun(invocation, id, "snapshot " + options.snapshot + " of " + options.guest, options);
}

Result<Exit> snapshot_list(const Invocation& invocation, const std::string& guest) {
  const auto snapshots = TRY(invocation.daemon().snapshots(guest));
  TRY(invocation.show(to_json(snapshots), [&]() -> std::string {
    const auto table = snapshots_table(snapshots, invocation.now());
    if (!table.empty()) return table.render(invocation.style());
    invocation.say("no snapshots of " + guest);
    return {};
  }));
  return Exit::done;
}

Result<Exit> snapshot_roll_back(const Invocation& invocation, const OrderOptions& options) {
  const auto id = TRY(invocation.daemon().roll_back(options.guest, options.snapshot));
  return begun(invocation, id, "roll " + options.guest + " back to " + options.snapshot, options);
}

Result<Exit> snapshot_delete(const Invocation& invocation, const OrderOptions& options) {
  const auto id = TRY(invocation.daemon().remove_snapshot(options.guest, options.snapshot));
  return begun(invocation, id, "delete snapshot " + options.snapshot + " of " + options.guest,
               options);
}

Result<Exit> destroy_guest(const Invocation& invocation, const OrderOptions& options) {
  const auto id = TRY(invocation.daemon().destroy(options.guest));
  return begun(invocation, id, "destroy guest " + options.guest, options);
}

Result<Exit> undelete(const Invocation& invocation, const OrderOptions& options) {
  const auto id = TRY(invocation.daemon().undelete(options.guest));
  const Exit exit = TRY(begun(invocation, id, "bring guest " + options.guest + " back", options));
  if (exit == Exit::done && invocation.is_for_people())
    invocation.say("it comes back stopped, and is started when desired state names it");
  return exit;
}

Result<Exit> journal_retry(const Invocation& invocation, const std::string& id) {
  const auto operation = TRY(parse_operation_id(id));
  TRY(invocation.daemon().retry(operation));
  invocation.say(to_string(operation) + " is tried again");
  return Exit::done;
}

Result<Exit> journal_roll_back(const Invocation& invocation, const std::string& id) {
  const auto operation = TRY(parse_operation_id(id));
  TRY(invocation.daemon().roll_back(operation));
  invocation.say(to_string(operation) + " is turned back");
  return Exit::done;
}

Result<Exit> recover(const Invocation& invocation, bool is_confirmed) {
  const auto daemon = invocation.daemon();
  auto report = TRY(daemon.recover(false));
  const auto listed = [&report] {
    std::string text;
    for (const auto& sentence : report.sentences) text += "  " + printable(sentence) + "\n";
    return text;
  };
  if (!report.is_needed) {
    TRY(invocation.show(to_json(report), [] { return std::string{}; }));
    invocation.say("nothing to recover: the journal is in use");
    return Exit::done;
  }
  if (!is_confirmed) {
    invocation.environment().err << "The journal would be rebuilt from what is on this host:\n"
                                 << listed();
    if (!TRY(invocation.confirm("Write this into a new journal and resume work?"))) {
      invocation.say("nothing was written; the daemon goes on observing");
      return Exit::failed;
    }
  }
  report = TRY(daemon.recover(true));
  TRY(invocation.show(to_json(report), listed));
  invocation.say(report.is_done ? "recovered; work resumes" : "the daemon did not recover");
  return report.is_done ? Exit::done : Exit::failed;
}

}  // namespace holdfast::cli
