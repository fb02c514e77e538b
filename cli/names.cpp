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

Result<std::vector<std::string>> names_of(const Invocation& invocation, const std::string& kind) {
  const auto daemon = invocation.daemon();
  std::vector<std::string> names;
  const auto is = [&](const char* one) { return kind == one || kind == std::string{one} + "s"; };
  if (is("guest") || is("snapshot") || is("backup")) {
    for (const auto& guest : TRY(daemon.guests())) names.push_back(guest.name);
  } else if (is("ticket")) {
    for (const auto& ticket : TRY(daemon.tickets())) names.push_back(ticket.id);
  } else if (is("operation")) {
    for (const auto& operation : TRY(daemon.operations("", offered_operations)))
      names.push_back(operation.id);
  } else if (is("job")) {
    for (const auto& job : TRY(daemon.jobs(default_limit))) names.push_back(job.id);
  } else if (is("image")) {
    for (const auto& image : TRY(daemon.images())) names.push_back(image.name);
  } else if (is("target")) {
    for (const auto& target : TRY(daemon.targets())) names.push_back(target.name);
  }
  return names;
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
