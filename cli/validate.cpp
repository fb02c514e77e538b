// SPDX-License-Identifier: Apache-2.0
#include <variant>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/documents.hpp"
#include "cli/table.hpp"
#include "schema/desired_state.hpp"

namespace holdfast::cli {
namespace {

struct Finding {
  std::string file{};
  std::string resource{};  // "Guest acme"; empty for the whole file
  std::string problem{};   // empty: valid
};

template <class State>
void add_findings(const State& state, const std::string& file, std::vector<Finding>& findings) {
  for (const auto& guest : state.guests) findings.push_back({file, "Guest " + guest.name, {}});
  for (const auto& image : state.images)
    findings.push_back({file, "Image " + image.name + " " + image.version, {}});
  if (state.host_config) findings.push_back({file, "HostConfig " + state.host_config->name, {}});
  for (const auto& rejected : state.rejected)
    findings.push_back({file, rejected.kind + " " + rejected.name, rejected.error.message()});
}

std::vector<Finding> find(const std::vector<Document>& documents) {
  std::vector<Finding> findings;
  std::vector<Resources> parts;
  for (const auto& document : documents) {
    auto content = parse_file(document.text, document.name);
    if (!content) {
      findings.push_back({document.name, {}, content.error().message()});
    } else if (auto* loose = std::get_if<Resources>(&content.value())) {
      add_findings(*loose, document.name, findings);
      parts.push_back(std::move(*loose));
    } else {
      add_findings(std::get<HostDesiredState>(content.value()), document.name, findings);
    }
  }
  // Each file may be fine and the same resource still be in two of them.
  const auto merged = merge(std::move(parts));
  if (!merged) findings.push_back({{}, {}, merged.error().message()});
  return findings;
}

std::string as_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::json::array();
  for (const auto& finding : findings)
    list.push_back({{"file", finding.file},
                    {"resource", finding.resource},
                    {"valid", finding.problem.empty()},
                    {"problem", finding.problem}});
  return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string as_text(const std::vector<Finding>& findings, const Style& style) {
  Table table{{"RESOURCE", "FILE", "RESULT"}};
  for (const auto& finding : findings)
    if (finding.problem.empty())
      table.add({finding.resource, finding.file, {"valid", Color::green}});
  return table.empty() ? "" : table.render(style);
}

}  // namespace

Result<Exit> validate(const Invocation& invocation, const std::vector<std::string>& files) {
  const auto findings = find(TRY(read_documents(files, invocation.environment().in)));
  TRY(invocation.show(as_json(findings), [&] { return as_text(findings, invocation.style()); }));
  std::size_t bad = 0;
  for (const auto& finding : findings) {
    if (finding.problem.empty()) continue;
    ++bad;
    invocation.say(invocation.message_style().paint(Color::red, "invalid") + ": " +
                   finding.problem);
  }
  if (bad == 0) return Exit::done;
  invocation.say(std::to_string(bad) + " of " + std::to_string(findings.size()) +
                 " are not valid; nothing was sent anywhere");
  return Exit::failed;
}

}  // namespace holdfast::cli
