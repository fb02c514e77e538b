// SPDX-License-Identifier: Apache-2.0
#include "controller/command_line.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "controller/required_file.hpp"
#include "controller/version.hpp"

namespace holdfast {
namespace {

constexpr const char* default_config = "/etc/holdfast/agent.yaml";

constexpr std::array<std::pair<std::string_view, LogLevel>, 4> log_levels{
    {{"debug", LogLevel::debug},
     {"info", LogLevel::info},
     {"warn", LogLevel::warn},
     {"error", LogLevel::error}}};

// The defaults when no file is named and none is at its place.
Result<AgentConfig> read_file(const std::string& named) {
  const std::string path = named.empty() ? default_config : named;
  if (named.empty() && ::access(path.c_str(), F_OK) != 0) return AgentConfig{};
  const std::string text = TRY(read_required_file(path).context("configuration"));
  return parse_agent_config(text, path);
}

void set_if_given(const std::string& flag, std::string& setting) {
  if (!flag.empty()) setting = flag;
}

Result<void> lay_over(const CommandLine& line, AgentConfig& config) {
  set_if_given(line.desired, config.desired);
  set_if_given(line.hub, config.hub);
  set_if_given(line.state_dir, config.state_dir);
  set_if_given(line.connect, config.connect);
  set_if_given(line.socket, config.socket);
  set_if_given(line.images, config.images);
  for (const std::string& target : line.targets) {
    const auto equals = target.find('=');
    if (equals == std::string::npos)
      return Error{Errc::invalid, "--target " + target + ": expected NAME=DIRECTORY"};
    config.targets[target.substr(0, equals)] = target.substr(equals + 1);
  }
  for (const auto& [word, level] : log_levels)
    if (line.log_level == word) config.log_level = level;
  return ok();
}

void make_absolute(std::string& path) {
  if (path.empty() || path.front() == '/') return;
  path = std::filesystem::absolute(path).lexically_normal().string();
}

}  // namespace

void declare(CLI::App& app, CommandLine& line) {
  app.add_option("--config", line.config_path,
                 "agent.yaml (default " + std::string{default_config} + ", when it is there)");
  app.add_option("--desired", line.desired, "directory of resources to converge to");
  app.add_option("--hub", line.hub,
                 "URL of the hub to work for, once enrolled; the directory is then not read");
  app.add_option("--state-dir", line.state_dir, "journal, images and guests' disks");
  app.add_option("--connect", line.connect, "libvirt URI, like qemu:///system");
  app.add_option("--socket", line.socket, "Unix socket for the holdfast command");
  app.add_option("--images", line.images, "golden images (default STATE_DIR/images)");
  app.add_option("--target", line.targets, "NAME=DIRECTORY of a storage target; repeatable");
  app.add_option("--log-level", line.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_flag("--check", line.is_check, "read the settings, say what is wrong with them, and end");
  app.set_version_flag("--version", version);
  app.footer(
      "EXAMPLES\n"
      "  holdfastd --desired /etc/holdfast/desired --connect qemu:///system\n"
      "  holdfastd --desired ./desired --state-dir ./state --socket ./admin.sock \\\n"
      "            --connect qemu:///system --target nvme=/srv/nvme\n"
      "  holdfastd --hub https://hub.example      # then: holdfast enroll --hub URL TOKEN\n"
      "  holdfastd --check && systemctl restart holdfast   # after an edit of agent.yaml\n\n"
      "Stopping, killing or upgrading this daemon never touches a running guest.");
}

Result<AgentConfig> read_config(const CommandLine& line) {
  AgentConfig config = TRY(read_file(line.config_path));
  TRY(lay_over(line, config));
  for (std::string* path : {&config.desired, &config.state_dir, &config.images, &config.socket})
    make_absolute(*path);
  for (auto& [name, directory] : config.targets) make_absolute(directory);
  // What flags and file say together must hold what the file alone must.
  return parse_agent_config(to_yaml(config), "command line");
}

}  // namespace holdfast
