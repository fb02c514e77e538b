// SPDX-License-Identifier: Apache-2.0
#include "schema/agent_config.hpp"

#include <algorithm>

#include "schema/job.hpp"
#include "schema/limits.hpp"
#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

namespace holdfast {
namespace {

using PathMember = std::string AgentConfig::*;

void check_path(const AgentConfig& config, PathMember member, std::string_view name,
                Problems& problems) {
  const std::string& path = config.*member;
  const Problems::Step step{problems, name};
  if (!path.empty() && path.front() != '/') problems.add("expected an absolute path");
}

void check_url(const std::string& url, std::string_view name, Problems& problems) {
  const Problems::Step step{problems, name};
  if (!url.empty() && !url.starts_with("https://"))
    problems.add("expected a URL like https://hub.example");
}

// 127.0.0.1:9464 or [::1]:9464: what is counted is nobody else's business.
void check_metrics(const std::string& address, Problems& problems) {
  if (address.empty()) return;
  const Problems::Step step{problems, "metrics"};
  const auto colon = address.rfind(':');
  const auto host = address.substr(0, colon);
  const auto port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool is_port = !port.empty() && port.size() <= 5 &&
                       port.find_first_not_of("0123456789") == std::string::npos &&
                       std::stoi(port) <= 65535;
  if ((host != "127.0.0.1" && host != "[::1]") || !is_port)
    problems.add("expected a loopback address and port like 127.0.0.1:9464");
}

// {default: 1, keys.rotate: 2}
Codec<std::map<std::string, std::uint32_t>> signers_by_action() {
  const auto count = whole_number<std::uint32_t>(1, limits::job_signatures);
  return {
      [count](const Json& json, std::map<std::string, std::uint32_t>& value, Problems& problems) {
        if (!json.is_object()) return problems.expected(json, "a mapping");
        for (const auto& [action, number] : json.items()) {
          const Problems::Step step{problems, action};
          if (action != "default" && !is_job_action(action))
            problems.add("expected an action like guest.destroy, or default");
          else
            count.read(number, value[action], problems);
        }
      },
      [](const std::map<std::string, std::uint32_t>& value) -> Json {
        return value.empty() ? Json(nullptr) : Json(value);
      },
      {{"type", "object"}, {"additionalProperties", count.schema}}};
}

bool is_storage_id(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return text.size() >= 2 && text.size() <= 100 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

void check_storages(const ProxmoxConfig& config, Problems& problems) {
  {
    const Problems::Step step{problems, "storages"};
    if (config.storages.empty())
      problems.add("expected at least one, as {local: local-lvm}: guests' disks lie there");
    for (const auto& [target, storage] : config.storages) {
      const Problems::Step one{problems, target};
      if (!dns_label.matches(target)) problems.add("expected a DNS label as the target's name");
      if (!is_storage_id(storage)) problems.add("expected the name of a storage of Proxmox");
    }
  }
  const Problems::Step step{problems, "imageStorages"};
  for (const std::string& storage : config.image_storages)
    if (!is_storage_id(storage)) problems.add("'" + storage + "' is no name of a storage");
}

void finish_proxmox(ProxmoxConfig& config, Problems& problems) {
  const auto at = [&](std::string_view name, bool is_fine, std::string_view expected) {
    const Problems::Step step{problems, name};
    if (!is_fine) problems.add(std::string{expected});
  };
  at("url", config.url.starts_with("https://"), "expected a URL like https://127.0.0.1:8006");
  at("tokenFile", config.token_file.starts_with('/'), "expected an absolute path");
  at("caFile", config.ca_file.empty() || config.ca_file.front() == '/',
     "expected an absolute path");
  at("fingerprints", config.ca_file.empty() || config.fingerprints.empty(),
     "give either caFile or fingerprints: a fingerprint alone says who the server is");
  at("vmidRange", config.vmids().first > 0,
     "expected a range like 20000-29999, of at least 2 numbers from 100 to 999999999");
  at("backupStorage", config.backup_storage.empty() || is_storage_id(config.backup_storage),
     "expected the name of a storage of Proxmox");
  check_storages(config, problems);
}

const Table<ProxmoxConfig>& proxmox_table() {
  constexpr std::size_t max_storages = 64;
  static const Table<ProxmoxConfig> table{
      {
          required(field("url", &ProxmoxConfig::url, text(single_line))),
          required(field("tokenFile", &ProxmoxConfig::token_file, text(single_line))),
          field("caFile", &ProxmoxConfig::ca_file, text(single_line)),
          field("fingerprints", &ProxmoxConfig::fingerprints,
                list_of(text(single_line), {.max = 8})),
          field("node", &ProxmoxConfig::node, text(single_line)),
          required(field("storages", &ProxmoxConfig::storages, text_map(max_storages))),
          field("imageStorages", &ProxmoxConfig::image_storages,
                list_of(text(single_line), {.max = max_storages})),
          field("backupStorage", &ProxmoxConfig::backup_storage, text(single_line)),
          field("pool", &ProxmoxConfig::pool, text(single_line)),
          field("vmidRange", &ProxmoxConfig::vmid_range, text(single_line)),
      },
      finish_proxmox};
  return table;
}

void finish(AgentConfig& config, Problems& problems) {
  if (config.proxmox && config.connect != AgentConfig{}.connect) {
    const Problems::Step step{problems, "connect"};
    problems.add("a host has one provider in this version: either connect (libvirt) or proxmox");
  }
  check_path(config, &AgentConfig::alarm_ca, "alarmCa", problems);
  check_url(config.hub, "hub", problems);
  check_url(config.alarm_url, "alarmUrl", problems);
  check_metrics(config.metrics, problems);
  check_path(config, &AgentConfig::desired, "desired", problems);
  check_path(config, &AgentConfig::state_dir, "stateDir", problems);
  check_path(config, &AgentConfig::socket, "socket", problems);
  check_path(config, &AgentConfig::images, "images", problems);
  check_path(config, &AgentConfig::operators, "operators", problems);
  // sun_path of sockaddr_un, with its final NUL (unix(7)).
  if (config.socket.size() > 107) {
    const Problems::Step step{problems, "socket"};
    problems.add("longer than the 107 bytes a Unix socket's path may have");
  }
  const Problems::Step step{problems, "targets"};
  for (const auto& [name, path] : config.targets) {
    const Problems::Step target{problems, name};
    if (!dns_label.matches(name)) problems.add("expected a DNS label as the target's name");
    if (path.empty() || path.front() != '/') problems.add("expected an absolute path");
  }
}

const Table<AgentConfig>& agent_config_table() {
  constexpr std::size_t max_targets = 64;
  static const Table<AgentConfig> table{
      {
          field("desired", &AgentConfig::desired, text(single_line)),
          field("stateDir", &AgentConfig::state_dir, text(single_line)),
          field("connect", &AgentConfig::connect, text(single_line)),
          field("proxmox", &AgentConfig::proxmox, maybe(object(proxmox_table()))),
          field("socket", &AgentConfig::socket, text(single_line)),
          field("socketGroup", &AgentConfig::socket_group, text(single_line)),
          field("images", &AgentConfig::images, text(single_line)),
          field("targets", &AgentConfig::targets, text_map(max_targets)),
          field("operators", &AgentConfig::operators, text(single_line)),
          field("signers", &AgentConfig::signers, signers_by_action()),
          field("requireSynchronizedClock", &AgentConfig::requires_synchronized_clock, boolean()),
          field("workers", &AgentConfig::workers, whole_number<std::uint32_t>(1, 64)),
          field("transferBandwidth", &AgentConfig::transfer_bandwidth,
                maybe(bytes(mebibytes(1), tebibytes(1)))),
          field("logLevel", &AgentConfig::log_level,
                one_of<LogLevel>(
                    std::vector<std::pair<std::string, LogLevel>>{{"debug", LogLevel::debug},
                                                                  {"info", LogLevel::info},
                                                                  {"warn", LogLevel::warn},
                                                                  {"error", LogLevel::error}})),
          field("hub", &AgentConfig::hub, text(single_line)),
          field("alarmUrl", &AgentConfig::alarm_url, text(single_line)),
          field("alarmCa", &AgentConfig::alarm_ca, text(single_line)),
          field("metrics", &AgentConfig::metrics, text(single_line)),
      },
      finish};
  return table;
}

}  // namespace

std::pair<int, int> ProxmoxConfig::vmids() const {
  const auto dash = vmid_range.find('-');
  const auto number = [](std::string_view text) {
    if (text.empty() || text.size() > 9) return 0;
    int value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return 0;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  if (dash == std::string::npos) return {0, 0};
  const int first = number(std::string_view{vmid_range}.substr(0, dash));
  const int last = number(std::string_view{vmid_range}.substr(dash + 1));
  return first >= 100 && first < last ? std::pair{first, last} : std::pair{0, 0};
}

std::map<std::string, std::string> AgentConfig::all_targets() const {
  auto all = targets;
  all.try_emplace("local", state_dir + "/guests");
  return all;
}

Result<AgentConfig> parse_agent_config(std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name));
  if (documents.empty() || (documents.size() == 1 && documents.front().is_null()))
    return AgentConfig{};
  if (documents.size() != 1)
    return Error{Errc::invalid, std::string{source_name} + ": expected one document, found " +
                                    std::to_string(documents.size())};
  return read_resource(agent_config_table(), documents.front(), source_name);
}

std::string to_yaml(const AgentConfig& config) {
  return yaml_of(agent_config_table().print(config));
}

}  // namespace holdfast
