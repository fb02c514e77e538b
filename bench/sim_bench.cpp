// SPDX-License-Identifier: Apache-2.0
// Days of a simulated host a second, on one core: the real controller with three guests, a
// resync each minute, and a few edits a day. Usage: sim_bench [DAYS]
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>

#include "tests/sim/engine_site.hpp"

using namespace holdfast;
using namespace holdfast::sim;

namespace {

constexpr unsigned long usual_days = 1'000;
constexpr double target = 200;  // days a second
constexpr unsigned edits_a_day = 3;

double cpu_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// One of the edits that a day brings, each to another guest.
void edit(Resources& wanted, unsigned long day, unsigned part) {
  GuestSpec& spec = wanted.guests[day % wanted.guests.size()].spec;
  switch (part) {
    case 0: spec.limits.cpu_shares = static_cast<std::uint32_t>(100 + day % 500); return;
    case 1: spec.memory = mebibytes(512 + 256 * (day % 3)); return;
    default: spec.power = spec.power == Power::running ? Power::stopped : Power::running; return;
  }
}

bool live_a_day(EngineSite& site, Resources& wanted, unsigned long day) {
  for (unsigned part = 0; part < edits_a_day; ++part) {
    edit(wanted, day, part);
    site.want(wanted);
    site.scenario->run_for(std::chrono::hours{24} / edits_a_day);
  }
  return site.scenario->breaches().empty();
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned long days = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : usual_days;
  EngineSite site{3};
  site.world().add_image(EngineSite::image, gibibytes(4));
  Resources wanted;
  wanted.guests = {small_guest("acme"), small_guest("beta"), small_guest("gamma")};
  site.want(wanted);
  if (!site.scenario->settle()) return 1;

  const std::size_t points = site.scenario->points();
  const auto began = std::chrono::steady_clock::now();
  const double cpu_began = cpu_seconds();
  for (unsigned long day = 0; day < days; ++day) {
    if (!live_a_day(site, wanted, day)) {
      std::printf("day %lu: %s\n", day, site.scenario->breaches().front().c_str());
      return 1;
    }
  }
  const double cpu = cpu_seconds() - cpu_began;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  std::printf(
      "simulated host: %lu days of 3 guests, %.1f s CPU, %.1f s wall: %.0f host-days per second "
      "of one core (target %.0f), %zu commits and effects\n",
      days, cpu, wall.count(), static_cast<double>(days) / cpu, target,
      site.scenario->points() - points);
  return 0;
}
