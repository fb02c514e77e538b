// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/commands.hpp"

// `holdfast hub ...`: what an operator asks of a hub. As the other commands, but no daemon
// is needed here.
namespace holdfast::cli {

struct HubEditOptions {
  std::string host{};
  std::vector<std::string> files{};
  std::string comment{};
  std::uint64_t generation = 0;  // rollback
  bool is_pruning = false;
  bool is_dry_run = false;
};
struct HubLookOptions {
  std::string host{};
  std::size_t limit = default_limit;
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // 0: the newest
  bool only_holding = false;
  bool is_confirmed = false;
};
struct HubSilenceOptions {
  std::string host{};
  std::string alert{};
  std::string time{};
  std::string reason{};
};

Result<Exit> hub_host_list(const Invocation& invocation);
Result<Exit> hub_host_show(const Invocation& invocation, const std::string& host);
// Asks first, unless it is confirmed.
Result<Exit> hub_host_remove(const Invocation& invocation, const HubLookOptions& options);

// Exit::differs: a dry run that would change something.
Result<Exit> hub_apply(const Invocation& invocation, const HubEditOptions& options);
Result<Exit> hub_roll_back(const Invocation& invocation, const HubEditOptions& options);
Result<Exit> hub_history(const Invocation& invocation, const HubLookOptions& options);
Result<Exit> hub_show(const Invocation& invocation, const HubEditOptions& options);
// As diff(1): Exit::differs when they differ.
Result<Exit> hub_diff(const Invocation& invocation, const HubLookOptions& options);

// `host` may be empty: the job names it.
Result<Exit> hub_job_put(const Invocation& invocation, const std::string& file,
                         const std::string& host);
Result<Exit> hub_job_list(const Invocation& invocation, const HubLookOptions& options);
Result<Exit> hub_enroll_token(const Invocation& invocation);

// Exit::differs: alerts hold.
Result<Exit> hub_alerts(const Invocation& invocation, const HubLookOptions& options);
Result<Exit> hub_silence(const Invocation& invocation, const HubSilenceOptions& options);
Result<Exit> hub_silence_list(const Invocation& invocation);
Result<Exit> hub_silence_end(const Invocation& invocation, const std::string& id);

}  // namespace holdfast::cli
