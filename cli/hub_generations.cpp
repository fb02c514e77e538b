// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.hpp"
#include "cli/hub_client.hpp"
#include "cli/hub_commands.hpp"
#include "cli/render_hub.hpp"

namespace holdfast::cli {
namespace {

Result<Exit> show_edit(const Invocation& invocation, const HubApplyReport& report,
                       bool is_dry_run) {
  TRY(invocation.show(to_json(report),
                      [&] { return render_diff(report.diff, invocation.style()); }));
  if (invocation.is_for_people()) {
    if (report.is_stored)
      invocation.say("generation " + std::to_string(report.generation) + " is stored");
    else if (report.diff.changes.empty())
      invocation.say("nothing differs from generation " + std::to_string(report.generation));
    else
      invocation.say("nothing was stored: a dry run");
  }
  return is_dry_run && !report.diff.changes.empty() ? Exit::differs : Exit::done;
}

}  // namespace

Result<Exit> hub_apply(const Invocation& invocation, const HubEditOptions& options) {
  const auto documents = TRY(read_documents(options.files, invocation.environment().in));
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto report = TRY(hub.apply({options.host, options.comment, options.is_dry_run},
                                    join(documents), options.is_pruning));
  return show_edit(invocation, report, options.is_dry_run);
}

Result<Exit> hub_roll_back(const Invocation& invocation, const HubEditOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto report =
      TRY(hub.roll_back({options.host, options.comment, options.is_dry_run}, options.generation));
  return show_edit(invocation, report, options.is_dry_run);
}

Result<Exit> hub_history(const Invocation& invocation, const HubLookOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto generations = TRY(hub.history(options.host, options.limit));
  TRY(invocation.show(to_json(generations), [&] {
    return generations_table(generations, invocation.now(), invocation.format() == Format::wide)
        .render(invocation.style());
  }));
  return Exit::done;
}

Result<Exit> hub_show(const Invocation& invocation, const HubEditOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto generation = TRY(hub.generation(options.host, options.generation));
  TRY(invocation.show(to_json(generation), [&] { return generation.desired; }));
  return Exit::done;
}

Result<Exit> hub_diff(const Invocation& invocation, const HubLookOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto diff = TRY(hub.diff(options.host, options.from, options.to));
  TRY(invocation.show(to_json(diff), [&] { return render_diff(diff, invocation.style()); }));
  if (invocation.is_for_people() && diff.changes.empty()) invocation.say("no difference");
  return diff.changes.empty() ? Exit::done : Exit::differs;
}

}  // namespace holdfast::cli
