// SPDX-License-Identifier: Apache-2.0
// A Proxmox VE host to try things on: the stand-in over TLS, in real time.
//
//   proxmox-standin --port 8006 --ca ca.pem [--world world.json]
//
// Prints its URL and the token once it serves, and goes on until it is told to stop.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/proxmox/https_shell.hpp"
#include "tests/proxmox/world_file.hpp"

namespace holdfast::standin {
namespace {

struct Options {
  std::uint16_t port = 0;
  std::string ca{};
  std::string world{};
  std::string version = "8.4";
  std::string token = "agent@pve!holdfast=11111111-2222-4333-8444-555555555555";
  std::string pool{};
  std::string without{};
  int latency_ms = 0;
  int task_ms = 500;
};

// As docs/proxmox.md has it done. With a pool: rights on its guests, on all storages and bridges,
// and on the archives that are there; other guests are seen and out of reach. Without one: on
// everything. `without` is a privilege that the user has and the token was not given.
void add_agent(World& world, const Options& options) {
  const std::string& token = options.token;
  const std::string& pool = options.pool;
  const auto mark = token.find('!');
  const auto equals = token.find('=');
  if (mark == std::string::npos || equals == std::string::npos || equals < mark)
    throw std::runtime_error{"--token: USER@REALM!NAME=SECRET is expected"};
  const auto id = token.substr(0, equals);
  world.access.add_token({.id = id, .secret = token.substr(equals + 1)});
  if (!pool.empty()) world.pools.insert(pool);
  for (const auto& subject : {id, id.substr(0, mark)}) {
    const auto grant = [&](const std::string& path, Privileges privileges) {
      if (subject == id) privileges.erase(options.without);
      world.access.grant(subject, path, privileges);
    };
    const auto role = agent_role(world.version);
    if (pool.empty()) {
      grant("/", role);
      continue;
    }
    grant("/pool/" + pool, role);
    grant("/vms", {"VM.Audit"});
    grant("/storage", {"Datastore.AllocateSpace", "Datastore.Audit"});
    grant("/sdn/zones/localnetwork", {"SDN.Use"});
    for (const auto& [volume, facts] : world.volumes)
      if (facts.archive) grant("/vms/" + std::to_string(facts.vmid), {"VM.Audit", "VM.Backup"});
  }
}

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error{"cannot read " + path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

int run(const Options& options) {
  sigset_t ends{};
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  const SystemClock clock;
  StandIn stand_in{{.version = options.version == "8.4" ? Version::v8_4 : Version::v9_1,
                    .clock = &clock,
                    .start = clock.now()}};
  for (auto& [type, duration] : stand_in.tasks().durations) duration = Duration{options.task_ms};
  if (!options.world.empty()) add_to(stand_in.world(), read_file(options.world));
  add_agent(stand_in.world(), options);

  const http::TestCa ca;
  if (!options.ca.empty()) std::ofstream{options.ca} << ca.pem();
  const auto identity = ca.issue(
      {.name = "DNS:localhost,DNS:pve1,IP:127.0.0.1", .not_after = std::chrono::hours{20}});
  HttpsShell shell{
      stand_in, identity, {.port = options.port, .latency = Duration{options.latency_ms}}};
  std::cout << "PROXMOX_URL=" << shell.url() << "\nPROXMOX_TOKEN=" << options.token << std::endl;
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace
}  // namespace holdfast::standin

int main(int argc, char** argv) {
  holdfast::standin::Options options;
  CLI::App app{"A Proxmox VE host that answers from memory, for tests and the demo"};
  app.add_option("--port", options.port, "on 127.0.0.1; 0: any that is free");
  app.add_option("--ca", options.ca, "where to write the CA that its certificate is of");
  app.add_option("--world", options.world,
                 "JSON: what the host has (tests/proxmox/world_file.hpp)");
  app.add_option("--version", options.version)->check(CLI::IsMember({"8.4", "9.1"}));
  app.add_option("--token", options.token, "USER@REALM!NAME=SECRET that gets the agent's role");
  app.add_option("--pool", options.pool, "what the token's role ends at; without: everything");
  app.add_option("--without", options.without,
                 "privilege that the token lacks, though not its user");
  app.add_option("--latency-ms", options.latency_ms, "before each answer")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--task-ms", options.task_ms, "that a task takes")->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    return holdfast::standin::run(options);
  } catch (const std::exception& error) {
    std::cerr << "proxmox-standin: " << error.what() << "\n";
    return 2;
  }
}
