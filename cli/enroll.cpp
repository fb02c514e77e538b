// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {

Result<Exit> enroll(const Invocation& invocation, const EnrollOptions& options) {
  std::string token = options.token;
  if (token == "-" && !std::getline(invocation.environment().in, token))
    return Error{Errc::invalid, "standard input holds no token"};
  const auto hub = TRY(invocation.daemon().enroll(options.hub, token));
  TRY(invocation.show(to_json(hub), [&] { return "enrolled at " + printable(hub.url) + "\n"; }));
  if (invocation.is_for_people())
    invocation.say("desired state comes from the hub from now on; see `holdfast get host`");
  return Exit::done;
}

Result<Exit> why_host(const Invocation& invocation) {
  const auto host = TRY(invocation.daemon().status());
  std::vector<std::string> sentences;
  for (const Condition& condition : host.conditions)
    if (condition.status == ConditionStatus::no)
      sentences.push_back(condition.reason + ": " + condition.message);
  if (host.hub && !host.hub->message.empty() && sentences.empty())
    sentences.push_back("The hub is " + host.hub->state + ": " + host.hub->message);
  if (sentences.empty()) sentences.emplace_back("The host is as it should be.");
  const nlohmann::json all{{"host", host.host_id}, {"sentences", sentences}};
  TRY(invocation.show(all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), [&] {
    std::string text;
    for (const auto& sentence : sentences) text += printable(sentence) + "\n";
    return text;
  }));
  return Exit::done;
}

}  // namespace holdfast::cli
