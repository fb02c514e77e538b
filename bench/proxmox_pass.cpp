// SPDX-License-Identifier: Apache-2.0
// What one pass that finds nothing to do costs on Proxmox VE: requests, bytes and time for N
// guests, beside asking for each guest's status and configuration, in one run.
//
//   proxmox_pass [LATENCY_MS] [N ...]      20 ms and 10 100 300 by default
//
// Over TLS to the stand-in of tests/proxmox, which waits that long before each answer.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "drivers/proxmox/client.hpp"
#include "drivers/proxmox/https_exchange.hpp"
#include "drivers/proxmox/proxmox_host.hpp"
#include "tests/proxmox/https_shell.hpp"

namespace holdfast {
namespace {

constexpr const char* token = "agent@pve!holdfast=11111111-2222-4333-8444-555555555555";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "proxmox_pass: %s\n", why.c_str());
  std::exit(2);
}

// Half containers, half machines, a third of them running; none is ours, which costs the same.
void add_guests(standin::World& world, int count) {
  for (int i = 0; i < count; ++i) {
    const int vmid = 1'000 + i;
    const std::string name = "guest-" + std::to_string(i);
    auto& guest =
        i % 2 == 0
            ? world.add_guest(standin::GuestKind::lxc, vmid,
                              {{"hostname", name}, {"rootfs", "local:4"}, {"unprivileged", "1"}},
                              "")
            : world.add_guest(standin::GuestKind::qemu, vmid,
                              {{"name", name}, {"memory", "1024"}, {"scsi0", "local:8"}}, "");
    if (i % 3 == 0) guest.power = standin::PowerState::running;
  }
}

struct Cost {
  double requests = 0;
  double kib = 0;
  double wall_ms = 0;
};

// Of one of `runs`: requests and bytes on average, the median of the time.
Cost measure(standin::HttpsShell& shell, int runs, const std::function<void()>& body) {
  std::uint64_t calls_before = 0;
  shell.with_stand_in([&](standin::StandIn& host) { calls_before = host.calls(); });
  const auto bytes_before = shell.bytes_in() + shell.bytes_out();
  std::vector<double> walls;
  for (int run = 0; run < runs; ++run) {
    const auto start = std::chrono::steady_clock::now();
    body();
    walls.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(walls.begin(), walls.end());
  std::uint64_t calls = 0;
  shell.with_stand_in([&](standin::StandIn& host) { calls = host.calls() - calls_before; });
  const auto bytes = shell.bytes_in() + shell.bytes_out() - bytes_before;
  return {static_cast<double>(calls) / runs, static_cast<double>(bytes) / runs / 1024,
          walls[walls.size() / 2]};
}

void print(int guests, const char* what, const Cost& cost) {
  std::printf("%6d  %-28s %9.1f %10.1f %10.1f\n", guests, what, cost.requests, cost.kib,
              cost.wall_ms);
}

void ask_each(proxmox::Exchange& exchange, int guests) {
  const auto get = [&](const std::string& path) {
    const auto answer = exchange.request({.path = "/api2/json" + path}, {});
    if (!answer || answer->status != 200) give_up("GET " + path + " failed");
  };
  get("/cluster/resources");
  for (int i = 0; i < guests; ++i) {
    const std::string guest =
        std::string{"/nodes/pve1/"} + (i % 2 == 0 ? "lxc/" : "qemu/") + std::to_string(1'000 + i);
    get(guest + "/status/current");
    get(guest + "/config");
  }
}

void run(int guests, Duration latency) {
  const SystemClock clock;
  standin::StandIn stand_in{{.clock = &clock, .start = clock.now()}};
  stand_in.add_agent();
  add_guests(stand_in.world(), guests);
  const http::TestCa ca;
  standin::HttpsShell shell{stand_in, ca.issue(), {.latency = latency}};
  auto exchange =
      proxmox::HttpsExchange::open({.url = shell.url(), .token = token, .ca_pem = ca.pem()});
  if (!exchange) give_up(exchange.error().describe());
  proxmox::Options options;
  options.node = "pve1";
  options.storages = {{"local", "local"}};
  proxmox::ProxmoxHost host{**exchange, options, clock};
  const auto pass = [&] {
    const auto inventory = host.ports().inventory.observe_all();
    if (!inventory) give_up(inventory.error().describe());
    if (static_cast<int>(inventory->guests.size()) != guests) give_up("guests are missing");
  };
  print(guests, "the first pass, cold", measure(shell, 1, pass));
  print(guests, "a pass without changes", measure(shell, 10, pass));
  print(guests, "status and config of each",
        measure(shell, 1, [&] { ask_each(**exchange, guests); }));
  stand_in.violations().empty() ? void() : give_up(to_string(stand_in.violations().front()));
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  const holdfast::Duration latency{argc > 1 ? std::atoi(argv[1]) : 20};
  std::vector<int> counts;
  for (int i = 2; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {10, 100, 300};
  std::printf("guests  %-28s %9s %10s %10s   (%ld ms before each answer)\n", "", "requests", "KiB",
              "ms", static_cast<long>(latency.count()));
  for (const int count : counts) holdfast::run(count, latency);
}
