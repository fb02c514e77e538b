// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "schema/agent_config.hpp"

namespace holdfast {

// The flags of holdfastd as given; empty: not given. Part of the program and not of the layer.
struct CommandLine {
  std::string config_path{};
  std::string desired{};
  std::string state_dir{};
  std::string connect{};
  std::string socket{};
  std::string images{};
  std::vector<std::string> targets{};
  std::string log_level{};
  std::string hub{};
  bool is_check = false;
};

// `line` outlives `app`.
void declare(CLI::App& app, CommandLine& line);

// Flags win over agent.yaml, which wins over the defaults. Paths are absolute. Errors of
// read_required_file() and parse_agent_config().
Result<AgentConfig> read_config(const CommandLine& line);

}  // namespace holdfast
