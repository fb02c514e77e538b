// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t offered_operations = 50;

// Shells expand what completion scripts hand them, and a guest that somebody else made may be
// called anything.
bool is_plain(const std::string& name) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.front() != '-' && name.find_first_not_of(plain) == std::string::npos;
}

template <class Item>
Result<std::vector<std::string>> each(const Result<std::vector<Item>>& items,
                                      std::string Item::*name) {
  if (!items) return items.error();
  std::vector<std::string> names;
  names.reserve(items->size());
  for (const Item& item : *items) names.push_back(item.*name);
  return names;
}

Result<std::vector<std::string>> names_of(const Invocation& invocation, const std::string& kind) {
  const auto daemon = invocation.daemon();
  const auto is = [&](const char* one) { return kind == one || kind == std::string{one} + "s"; };
  if (is("guest") || is("snapshot") || is("backup"))
    return each(daemon.guests(), &GuestReport::name);
  if (is("ticket")) return each(daemon.tickets(), &TicketReport::id);
  if (is("operation")) return each(daemon.operations("", offered_operations), &OperationReport::id);
  if (is("job")) return each(daemon.jobs(default_limit), &JobReport::id);
  if (is("image")) return each(daemon.images(), &ImageReport::name);
  if (is("target")) return each(daemon.targets(), &TargetReport::name);
  return std::vector<std::string>{};
}

}  // namespace

Result<Exit> print_names(const Invocation& invocation, const std::string& kind) {
  auto names = names_of(invocation, kind);
  if (!names) return Exit::done;  // a shell that completes has no place for an error
  std::erase_if(*names, [](const std::string& name) { return !is_plain(name); });
  std::sort(names->begin(), names->end());
  names->erase(std::unique(names->begin(), names->end()), names->end());
  for (const auto& name : *names) invocation.environment().out << name << "\n";
  return Exit::done;
}

}  // namespace holdfast::cli
