// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tests/sim/scenario.hpp"

namespace holdfast::sim {

// One change of one host, to be interrupted everywhere.
struct Play {
  std::string name{};
  std::unique_ptr<Scenario> scenario{};
  std::function<void(Scenario&)> act{};          // asks for the change; the rest has settled before
  std::function<Breaches(Scenario&)> verdict{};  // what is wrong with the end; may be empty
  bool may_stop_guests = false;                  // the change asks for it
};
// The same play from the beginning, each time it is called.
using MakePlay = std::function<Play()>;

struct Enumeration {
  bool twice = true;       // also die once more at each point of each recovery
  bool power_too = false;  // each death is a power loss of the machine
  bool same_end = true;    // each run must end as the undisturbed one
  std::size_t every = 1;   // of the second deaths, take each `every`-th
};

struct CrashReport {
  std::size_t points = 0;  // in the undisturbed run
  std::size_t runs = 0;
  std::size_t deaths = 0;
  Breaches breaches{};  // each with where the daemon had died; at most 50
};

// Runs the play undisturbed, then once for each point at which the daemon can die, and
// for each of those once for each point of the recovery. Each run must settle, at rest
// and sound, in the outcome of the undisturbed one.
CrashReport enumerate_crashes(const MakePlay& make_play, const Enumeration& how = {});

// What became of our guests, without anything that chance chose (UUIDs, MACs, paths).
std::string outcome(const SimWorld& world);

}  // namespace holdfast::sim
