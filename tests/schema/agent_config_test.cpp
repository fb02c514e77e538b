// SPDX-License-Identifier: Apache-2.0
#include "schema/agent_config.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include "tests/catch.hpp"

namespace holdfast {
namespace {

std::string problem(const std::string& text) {
  const auto config = parse_agent_config(text, "agent.yaml");
  return config ? std::string{} : config.error().message();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("agent config: nothing said is one signer and a clock that must be kept right",
          "[schema]") {
  const auto config = parse_agent_config("", "agent.yaml").value();
  CHECK(config.operators == "/etc/holdfast/operators");
  CHECK(config.signers.empty());
  CHECK(config.requires_synchronized_clock);
}

TEST_CASE("agent config: signers are counted by action", "[schema]") {
  const auto config = parse_agent_config(
                          "operators: /srv/operators\n"
                          "signers: {default: 1, keys.rotate: 2, guest.destroy: 8}\n"
                          "requireSynchronizedClock: false\n",
                          "agent.yaml")
                          .value();
  CHECK(config.operators == "/srv/operators");
  CHECK(config.signers.size() == 3);
  CHECK(config.signers.at("guest.destroy") == 8);
  CHECK_FALSE(config.requires_synchronized_clock);
  CHECK(parse_agent_config(to_yaml(config), "printed").value() == config);
}

TEST_CASE("agent config: transfers of disks may be given a bandwidth", "[schema]") {
  CHECK_FALSE(parse_agent_config("", "agent.yaml").value().transfer_bandwidth);
  const auto config = parse_agent_config("transferBandwidth: 100Mi", "agent.yaml").value();
  CHECK(config.transfer_bandwidth == mebibytes(100));
  CHECK(parse_agent_config(to_yaml(config), "printed").value() == config);
  CHECK(has(problem("transferBandwidth: 100"), "/transferBandwidth"));
  CHECK(has(problem("transferBandwidth: fast"), "/transferBandwidth"));
}

TEST_CASE("agent config: a node of Proxmox takes libvirt's place", "[schema]") {
  const std::string text =
      "proxmox:\n"
      "  url: https://127.0.0.1:8006\n"
      "  tokenFile: /etc/holdfast/proxmox-token\n"
      "  fingerprints: ['CD:9E']\n"
      "  storages: {local: local-lvm}\n"
      "  imageStorages: [backups]\n"
      "  backupStorage: nightly\n"
      "  pool: holdfast\n";
  const auto config = parse_agent_config(text, "agent.yaml").value();
  REQUIRE(config.proxmox);
  CHECK(config.provider() == "proxmox");
  CHECK(config.proxmox->storages.at("local") == "local-lvm");
  CHECK(config.proxmox->vmids() == std::pair{20'000, 29'999});
  CHECK(parse_agent_config(to_yaml(config), "printed").value() == config);
  CHECK(parse_agent_config("", "agent.yaml").value().provider() == "libvirt");

  CHECK(has(problem("proxmox: {}"), "/proxmox"));
  CHECK(has(problem(text + "connect: qemu:///session\n"), "/connect"));
  CHECK(has(problem(text + "  vmidRange: 50-99\n"), "/proxmox/vmidRange"));
  CHECK(has(problem(text + "  vmidRange: 300-200\n"), "/proxmox/vmidRange"));
  CHECK(has(problem(text + "  caFile: /etc/pve/pve-root-ca.pem\n"), "/proxmox/fingerprints"));
  CHECK(has(problem(text + "  storage: {}\n"), "/proxmox/storage"));
}

TEST_CASE("agent config: the example is one", "[schema][examples]") {
  std::ifstream in{HOLDFAST_SOURCE_DIR "/examples/agent.yaml"};
  const auto config =
      parse_agent_config(std::string{std::istreambuf_iterator<char>{in}, {}}, "agent.yaml");
  REQUIRE(config);
  CHECK(config->signers.at("keys.rotate") == 2);
}

TEST_CASE("agent config: an action that is none and a count that cannot be are errors",
          "[schema]") {
  CHECK(has(problem("signers: {guest.explode: 2}"), "/signers/guest.explode"));
  CHECK(has(problem("signers: {default: 0}"), "/signers/default"));
  CHECK(has(problem("signers: {default: 9}"), "/signers/default"));
  CHECK(has(problem("signers: {default: '2'}"), "/signers/default"));
  CHECK(has(problem("signers: 2"), "/signers"));
  CHECK(has(problem("operators: operators"), "/operators"));
  CHECK(has(problem("requireSynchronizedClock: 'no'"), "/requireSynchronizedClock"));
}

}  // namespace holdfast
