// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t last_operations = 10;

using Json = nlohmann::json;

Json as_tree(const std::string& json) { return Json::parse(json, nullptr, false); }

Result<Exit> describe_one_guest(const Invocation& invocation, const std::string& name) {
  const auto daemon = invocation.daemon();
  GuestStory story;
  story.guest = TRY(daemon.guest(name));
  const std::string subject = "guest/" + name;
  story.operations = TRY(daemon.operations(subject, last_operations));
  for (auto& ticket : TRY(daemon.tickets()))
    if (ticket.subject == subject) story.tickets.push_back(std::move(ticket));
  const Json all{{"guest", as_tree(to_json(story.guest))},
                 {"operations", as_tree(to_json(story.operations))},
                 {"tickets", as_tree(to_json(story.tickets))}};
  TRY(invocation.show(all.dump(),
                      [&] { return describe_guest(story, invocation.now(), invocation.style()); }));
  return Exit::done;
}

}  // namespace

const std::vector<std::string>& describe_kinds() {
  static const std::vector<std::string> kinds{"guest", "operation", "ticket", "host"};
  return kinds;
}

Result<Exit> describe(const Invocation& invocation, const std::string& kind,
                      const std::string& name) {
  if (kind == "host") {
    const auto host = TRY(invocation.daemon().status());
    TRY(invocation.show(to_json(host),
                        [&] { return describe_host(host, invocation.now(), invocation.style()); }));
    return Exit::done;
  }
  if (name.empty()) return Error{Errc::invalid, "say which: `holdfast describe " + kind + " NAME`"};
  if (kind == "ticket") return ticket_show(invocation, name, false);
  if (kind == "guest") return describe_one_guest(invocation, name);
  const auto id = TRY(parse_operation_id(name));
  const auto detail = TRY(invocation.daemon().operation(id));
  TRY(invocation.show(to_json(detail), [&] {
    return describe_operation(detail, invocation.now(), invocation.style());
  }));
  return Exit::done;
}

Result<Exit> why_guest(const Invocation& invocation, const std::string& name) {
  const auto sentences = TRY(invocation.daemon().why(name));
  const Json all{{"guest", name}, {"sentences", sentences}};
  TRY(invocation.show(all.dump(-1, ' ', false, Json::error_handler_t::replace), [&] {
    std::string text;
    for (const auto& sentence : sentences) text += printable(sentence) + "\n";
    return text;
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
