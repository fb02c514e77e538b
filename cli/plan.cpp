// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/follow.hpp"
#include "cli/render.hpp"
#include "schema/desired_state.hpp"

namespace holdfast::cli {
namespace {

// All that is wrong, a line each.
Error all_of(const std::vector<RejectedResource>& rejected) {
  std::string lines;
  for (const auto& resource : rejected)
    lines += (lines.empty() ? "" : "\n") + resource.error.message();
  return Error{rejected.front().error.code(), lines};
}

// The text for the daemon, once this program has found nothing wrong with it: its messages
// name the file, the daemon's could only name the request.
Result<std::string> checked_text(const std::vector<Document>& documents) {
  for (const auto& document : documents) {
    const auto content = TRY(parse_file(document.text, document.name));
    if (const auto* envelope = std::get_if<HostDesiredState>(&content)) {
      if (documents.size() > 1)
        return Error{Errc::invalid, document.name +
                                        ": a HostDesiredState stands alone; name "
                                        "no other file with it"};
      if (!envelope->rejected.empty()) return all_of(envelope->rejected);
    } else if (const auto& rejected = std::get<Resources>(content).rejected; !rejected.empty()) {
      return all_of(rejected);
    }
  }
  return join(documents);
}

bool is_in_sync(const PlanReport& plan) {
  return plan.in_sync && plan.actions.empty() && plan.unknown.empty();
}

}  // namespace

Result<Exit> plan(const Invocation& invocation, const PlanOptions& options) {
  std::optional<std::string> text;
  if (!options.files.empty()) {
    const auto documents = TRY(read_documents(options.files, invocation.environment().in));
    text = TRY(checked_text(documents));
  }
  const auto report = TRY(invocation.daemon().plan(text));
  const bool is_detailed = options.is_detailed || invocation.format() == Format::wide;
  TRY(invocation.show(to_json(report),
                      [&] { return render_plan(report, invocation.style(), is_detailed); }));
  return is_in_sync(report) ? Exit::done : Exit::differs;
}

Result<Exit> apply(const Invocation& invocation, const ApplyOptions& options) {
  const bool reads_stdin =
      std::find(options.files.begin(), options.files.end(), "-") != options.files.end();
  if (reads_stdin && !options.is_confirmed)
    return Error{Errc::invalid,
                 "-f - takes standard input, so it cannot also answer questions; add --yes"};
  const auto documents = TRY(read_documents(options.files, invocation.environment().in));
  const auto text = TRY(checked_text(documents));
  if (!options.is_confirmed) {
    const auto expected = TRY(invocation.daemon().plan(text));
    invocation.environment().err << render_plan(expected, invocation.message_style(), false);
    if (!TRY(invocation.confirm("Write this as desired state?"))) {
      invocation.say("nothing was written");
      return Exit::failed;
    }
  }
  const auto report = TRY(invocation.daemon().apply(text));
  TRY(invocation.show(to_json(report), [&] {
    std::string shown;
    if (options.is_confirmed) shown += render_plan(report.plan, invocation.style(), false);
    for (const auto& file : report.written) shown += "written: " + printable(file) + "\n";
    return shown;
  }));
  if (options.wait) return follow_until_in_sync(invocation, text, *options.wait);
  if (!is_in_sync(report.plan))
    invocation.say("follow it with `holdfast get operations`, or use --wait");
  return Exit::done;
}

}  // namespace holdfast::cli
