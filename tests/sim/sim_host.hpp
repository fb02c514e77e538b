// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "host/host.hpp"
#include "tests/sim/sim_core.hpp"
#include "tests/sim/sim_ports.hpp"

namespace holdfast::sim {

// One virtualisation host, simulated: all ports of host/ over a SimWorld, under a clock
// that tests own. Outlives the daemons that use it, as libvirtd does. The ports may be
// called from several threads; everything else belongs to the test's own thread.
class SimHost {
 public:
  // Listens to `clock` for as long as it lives.
  SimHost(SimWorld& world, ManualClock& clock, std::uint64_t seed = 1);
  SimHost(const SimHost&) = delete;
  SimHost& operator=(const SimHost&) = delete;
  ~SimHost();

  // The ports, to hand to the code under test.
  host::Host ports();

  SimWorld& world() { return core_.world; }
  ManualClock& clock() { return core_.clock; }
  FaultPlan& faults() { return core_.faults; }
  CrashSwitch& crash() { return core_.crash; }
  const CrashSwitch& crash() const { return core_.crash; }

  // Moves the clock; guests that were asked to stop do so on the way, events are given out.
  void advance(Duration by) { core_.clock.advance(by); }
  // Time until the next thing happens by itself; Duration::max() when nothing will.
  Duration until_next() const;
  // The daemon that listened to changes is gone, and what it had not heard with it.
  void disconnect();

  // What others do to the machine.
  void restart_provider(Duration away);
  void bring_provider_back();
  void lose_power();  // every guest stops at once; files stay, half-written ones too
  Uuid plant_foreign_domain(const std::string& name, bool running = true);
  void remove_by_hand(const Uuid& uuid);  // virsh undefine, files kept
  void start_by_hand(const Uuid& uuid);
  void stop_by_hand(const Uuid& uuid);
  void crash_guest(const Uuid& uuid);
  // Somebody edits a guest; data that its disks no longer show is not counted as lost by us.
  void drift(const Uuid& uuid, const std::function<void(SimDomain&)>& edit);

 private:
  void announce(const Uuid& uuid);

  SimCore core_;
  SimInventory inventory_{core_};
  SimHypervisor hypervisor_{core_};
  SimPower power_{core_};
  SimTuning tuning_{core_};
  SimSnapshots snapshots_{core_};
  SimDisks disks_{core_};
  SimImages images_{core_};
  SimBackups backups_{core_};
  SeededRandom foreign_ids_;
};

}  // namespace holdfast::sim
