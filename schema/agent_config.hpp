// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "schema/quantity.hpp"

namespace holdfast {

// The node of Proxmox VE that the daemon works for, in place of libvirt.
struct ProxmoxConfig {
  std::string url{};         // https://127.0.0.1:8006
  std::string token_file{};  // tokenFile: one line, USER@REALM!NAME=SECRET
  std::string ca_file{};     // caFile: the CAs that are believed, or
  // SHA-256 of certificates that are, "CD:9E:..."; two while one takes the other's place.
  std::vector<std::string> fingerprints{};
  std::string node{};                             // empty: this host's name
  std::map<std::string, std::string> storages{};  // storage target -> storage of Proxmox
  std::vector<std::string> image_storages{};      // imageStorages; empty: those of the targets
  std::string backup_storage{};            // backupStorage; empty: the first of imageStorages
  std::string pool{};                      // that new guests are put into; empty: none
  std::string vmid_range = "20000-29999";  // vmidRange: what new guests may be called
  std::string describe() const { return "proxmox at " + url; }
  // The two ends of the range; {0, 0} when it is none.
  std::pair<int, int> vmids() const;
  bool operator==(const ProxmoxConfig&) const = default;
};

// How the daemon on this host is set up, by whoever owns the host: agent.yaml. A hub
// cannot see or change any of it. Paths are absolute.
struct AgentConfig {
  std::string desired = "/etc/holdfast/desired";  // directory of resources
  std::string state_dir = "/var/lib/holdfast";
  std::string connect = "qemu:///system";  // libvirt URI
  std::optional<ProxmoxConfig> proxmox{};  // instead of libvirt
  std::string socket = "/run/holdfast/admin.sock";
  std::string socket_group{};                    // may use the socket besides root; empty: none
  std::string images{};                          // golden images; empty: STATE_DIR/images
  std::map<std::string, std::string> targets{};  // storage target -> directory
  std::uint32_t workers = 4;
  // Bytes a second, read and written together, that each transfer of a disk image or a disk may
  // take (restore, import, move), beside having the idle priority anyway. None: no limit.
  std::optional<Bytes> transfer_bandwidth{};  // transferBandwidth
  // Whose signatures count (allowed_signers form, owned by root), and how many of them each
  // action takes: by action, or "default". docs/design/jobs.md says what holds otherwise.
  std::string operators = "/etc/holdfast/operators";
  std::map<std::string, std::uint32_t> signers{};
  // False: whoever owns the host vouches for its clock, and jobs are taken although the kernel
  // does not call it synchronised.
  bool requires_synchronized_clock = true;  // requireSynchronizedClock
  LogLevel log_level = LogLevel::info;
  std::string hub{};        // URL; empty: where the host was enrolled, or `desired`
  std::string alarm_url{};  // told of alarms and, regularly, what is in force; empty: nobody
  std::string alarm_ca{};   // PEM file of its CA; empty: the system's
  std::string metrics{};    // loopback address and port for Prometheus; empty: none
  bool operator==(const AgentConfig&) const = default;

  std::string images_dir() const { return images.empty() ? state_dir + "/images" : images; }
  std::string provider() const { return proxmox ? "proxmox" : "libvirt"; }
  // What the daemon is connected to, for people.
  std::string provider_address() const { return proxmox ? proxmox->describe() : connect; }
  // With "local" at STATE_DIR/guests unless the file says otherwise.
  std::map<std::string, std::string> all_targets() const;
};

// One YAML or JSON document without envelope: `connect: qemu:///system`. Strict; an empty
// text is the defaults. Errors as parse_guest().
Result<AgentConfig> parse_agent_config(std::string_view text, std::string_view source_name);
std::string to_yaml(const AgentConfig& config);

}  // namespace holdfast
