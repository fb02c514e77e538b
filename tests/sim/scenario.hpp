// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "journal/journal.hpp"
#include "tests/sim/invariants.hpp"
#include "tests/sim/journal_file.hpp"
#include "tests/sim/manual_clock.hpp"
#include "tests/sim/seeded_random.hpp"
#include "tests/sim/sim_host.hpp"

namespace holdfast::sim {

// A daemon as the simulation drives it: everything it remembers is in its journal, so it
// may be destroyed at any point and started again.
class Daemon {
 public:
  virtual ~Daemon() = default;
  // Does the next piece of work; false when none is ready now.
  virtual bool step() = 0;
  // Until step() will have work; nullopt: not by itself.
  virtual std::optional<Duration> next_due() = 0;
  virtual Journal& journal() = 0;
};

// What a daemon is started over. All of it outlives the daemon.
struct DaemonParts {
  SimHost& host;
  ManualClock& clock;
  SeededRandom& random;
  JournalOptions journal{};
};
using StartDaemon = std::function<Result<std::unique_ptr<Daemon>>(const DaemonParts&)>;

// A scenario put aside, so that many can go on from the same beginning.
struct SavedScenario {
  SimWorld world{};
  std::string journal{};  // the bytes of its file
  Duration elapsed{};
};

// One host, one journal and one daemon after another, on virtual time. Whenever the
// daemon dies (SimulatedCrash) the next is started on the same journal and host.
// After each step the invariants are checked, and guests that the journal calls live
// write customer data.
class Scenario {
 public:
  explicit Scenario(StartDaemon start, std::uint64_t seed = 1);
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;
  ~Scenario();

  SimWorld& world() { return world_; }
  SimHost& host() { return host_; }
  ManualClock& clock() { return clock_; }
  SeededRandom& random() { return random_; }
  const JournalFile& journal_file() const { return file_; }
  // Starts the daemon when none runs; throws std::runtime_error when it cannot be.
  Daemon& daemon();

  // Works until `duration` of virtual time has passed.
  void run_for(Duration duration);
  // Works until for a while no effect and no commit happened; false: not within `limit`.
  bool settle(Duration limit = std::chrono::hours{4});

  // The daemon dies at the given points: the first counted from now, each further one from
  // the restart after the death before it.
  void die_at(std::vector<std::size_t> points);
  // With each death the whole machine loses power, too.
  void lose_power_with_daemon(bool on) { power_fails_too_ = on; }
  // Ends the daemon between two steps, as an upgrade does.
  void restart_daemon();
  // Has the daemon do `work` between two steps, an order by an operator for one. False: it
  // died over it, and the next will be started.
  bool attempt(const std::function<void(Daemon&)>& work);

  // The machine and the journal as they are now, between two steps; ends the daemon.
  SavedScenario save();
  // Goes on from there. Only before the first daemon was started.
  void load(const SavedScenario& saved);

  std::size_t deaths() const { return deaths_; }
  const std::vector<std::string>& died_at() const { return died_at_; }
  // Points passed since the last daemon was started, or die_at() was called.
  std::size_t points() const { return host_points() - points_before_; }
  // Everything that was ever found broken.
  const Breaches& breaches() const { return breaches_; }
  // Adds the checks for a machine at rest; call when settle() said so.
  Breaches at_rest();

 private:
  bool step();
  void look();
  void write_customer_data();
  void end_daemon();
  void die(const SimulatedCrash& crash);
  void arm_next();
  Duration until_something() const;
  std::size_t host_points() const;

  StartDaemon start_;
  SimWorld world_{};
  ManualClock clock_{};
  SeededRandom random_;
  SimHost host_;
  JournalFile file_{};
  InvariantWatch watch_{world_};
  std::unique_ptr<Daemon> daemon_{};
  std::vector<std::size_t> die_at_{};
  std::vector<std::string> died_at_{};
  std::size_t deaths_ = 0;
  std::size_t points_before_ = 0;
  std::size_t after_death_ = 0;
  bool power_fails_too_ = false;
  std::uint64_t data_version_ = 0;
  bool has_dataless_guest_ = false;
  Breaches breaches_{};
};

// A week and an hour, and the journal keeps that they were witnessed, whoever dies over it.
void let_a_week_pass(Scenario& scenario);

}  // namespace holdfast::sim
