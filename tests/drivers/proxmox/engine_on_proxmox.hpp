// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "tests/drivers/proxmox/guests_site.hpp"
#include "tests/sim/engine_daemon.hpp"

namespace holdfast::test {

// The real controller, its hub played, on a Proxmox host that answers from memory: one thread,
// virtual time. The journal outlives a death of the daemon; everything else is made anew.
struct EngineOnProxmox {
  explicit EngineOnProxmox(std::uint64_t seed = 1,
                           standin::Version version = standin::Version::v8_4)
      : site{version}, random{seed} {
    JournalOptions options;
    options.path = ":memory:";
    options.writer = JournalOptions::Writer::inline_writer;
    options.sync = false;
    journal = Journal::open(options, site.stand_in.clock()).value();
    boot();
  }

  void boot() {
    engine.reset();
    site.boot();
    source = std::make_unique<sim::HubSource>(hub);
    auto started = Engine::start({.journal = *journal,
                                  .host = site.ports(),
                                  .source = *source,
                                  .clock = site.stand_in.clock(),
                                  .random = random,
                                  .host_id = hub.host_id(),
                                  .provider = "proxmox",
                                  .authorities = &orders});
    if (!started) throw std::runtime_error{"start: " + started.error().describe()};
    engine = std::move(started).value();
  }

  // Lets the daemon do what it wants to do within that time.
  void run_for(Duration time) {
    const Duration end = site.stand_in.clock().elapsed() + time;
    while (site.stand_in.clock().elapsed() < end) {
      step_while_ready();
      const Duration left = end - site.stand_in.clock().elapsed();
      if (left <= Duration::zero()) return;
      const auto due = engine->next_due();
      site.stand_in.advance(std::clamp(due.value_or(left), Duration{1}, left));
    }
  }

  standin::World& world() { return site.stand_in.world(); }
  void want(Resources resources) { hub.want(std::move(resources), site.stand_in.clock().now()); }

  ProxmoxSite site;
  sim::Hub hub{};
  sim::SeededRandom random;
  std::unique_ptr<Journal> journal{};
  sim::HubOrders orders{hub};
  std::unique_ptr<sim::HubSource> source{};
  std::unique_ptr<Engine> engine{};
  unsigned deaths = 0;

 private:
  void step_while_ready() {
    try {
      while (engine->step()) {
      }
    } catch (const Death&) {
      ++deaths;
      boot();
    }
  }
};

}  // namespace holdfast::test
