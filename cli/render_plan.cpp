// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string_view>

#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

enum class Mark { add, change, remove, refused };

struct Look {
  const char* symbol = "";
  Color color = Color::none;
  const char* noun = "";
};
constexpr std::array<Look, 4> looks{{{"+", Color::green, "to add"},
                                     {"~", Color::yellow, "to change"},
                                     {"-", Color::red, "to remove"},
                                     {"!", Color::red, "refused"}}};

bool begins(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

Mark mark_of(const PlanAction& action) {
  if (action.verdict == Verdict::refused) return Mark::refused;
  if (begins(action.action, "create ") || begins(action.action, "add ")) return Mark::add;
  if (begins(action.action, "remove ") || begins(action.action, "destroy ")) return Mark::remove;
  return Mark::change;
}

std::string details_of(const PlanAction& action, bool detailed) {
  std::string text;
  const auto add = [&text](const std::string& line) { text += "      " + printable(line) + "\n"; };
  if (!action.reason.empty()) add(action.reason);
  if (action.verdict == Verdict::refused) {
    add("refused" + (action.rule.empty() ? "" : " by rule " + action.rule));
    if (!action.ticket.empty())
      add("ticket " + action.ticket + ": see `holdfast ticket show " + action.ticket + "`");
  } else if (detailed) {
    add("gate: " + std::string{to_string(action.verdict)} +
        (action.rule.empty() ? "" : " (" + action.rule + ")"));
  }
  return text;
}

std::string render_unknown(const PlanReport& plan, const Style& style) {
  std::string text;
  for (const auto& entry : plan.unknown) {
    // "guest/acme", and why if the daemon says it: "guest/acme: libvirt: no answer".
    const auto colon = entry.find(": ");
    text += "  " + style.paint(Color::yellow, "?") + " " +
            style.paint(Color::bold, printable(entry.substr(0, colon))) +
            ": could not be observed, so the plan says nothing about it\n";
    if (colon != std::string::npos) text += "      " + printable(entry.substr(colon + 2)) + "\n";
  }
  return text;
}

// "1 to add, 2 unknown"
std::string summary_of(const PlanReport& plan) {
  std::string summary;
  const auto count = [&summary](std::size_t number, const std::string& what) {
    if (number == 0) return;
    summary += (summary.empty() ? "" : ", ") + std::to_string(number) + " " + what;
  };
  std::array<std::size_t, looks.size()> counts{};
  for (const auto& action : plan.actions) ++counts.at(static_cast<std::size_t>(mark_of(action)));
  for (std::size_t i = 0; i < looks.size(); ++i) count(counts.at(i), looks.at(i).noun);
  count(plan.unknown.size(), "unknown");
  count(plan.pending.size(), "at a guest's next stop");
  return summary.empty() ? "not in sync, and nothing to do now; see `holdfast get conditions`"
                         : summary;
}

}  // namespace

std::string render_pending(const PlanReport& plan, const Style& style) {
  std::string text;
  for (const auto& entry : plan.pending) {
    const auto colon = entry.find(": ");
    text += "  . " + style.paint(Color::bold, printable(entry.substr(0, colon))) +
            ": at its next stop\n";
    if (colon != std::string::npos) text += "      " + printable(entry.substr(colon + 2)) + "\n";
  }
  return text;
}

std::string render_plan(const PlanReport& plan, const Style& style, bool detailed) {
  const std::string pending = render_pending(plan, style);
  if (plan.in_sync && plan.actions.empty() && plan.unknown.empty())
    return pending.empty()
               ? style.paint(Color::green, "In sync.") + " Nothing to do.\n"
               : pending + "\n" + style.paint(Color::green, "In sync,") +
                     " but for what waits for a guest's next stop. Nothing to do now.\n";
  std::string text;
  for (const auto& action : plan.actions) {
    const Look& look = looks.at(static_cast<std::size_t>(mark_of(action)));
    text += "  " + style.paint(look.color, look.symbol) + " " +
            style.paint(Color::bold, printable(action.subject)) + ": " + printable(action.action) +
            "\n" + details_of(action, detailed);
  }
  text += render_unknown(plan, style) + pending;
  return text + (text.empty() ? "" : "\n") + style.paint(Color::bold, "Plan:") + " " +
         summary_of(plan) + ".\n";
}

}  // namespace holdfast::cli
