// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <set>

#include "tests/catch.hpp"
#include "tests/drivers/proxmox/life.hpp"

// Every request of a whole life, one at a time, meets all that can happen to it; and then, for
// a sample, the daemon that recovers from it dies, too. The life goes on to its end, and what is
// left at the host must be exact.
using namespace holdfast;
using namespace holdfast::test;

namespace {

#ifdef HOLDFAST_IS_SLOW_BUILD
constexpr std::size_t every = 7;  // of the points
#else
constexpr std::size_t every = 1;
#endif

void check_points(const Kin& kin, const std::string& what,
                  const std::vector<std::vector<Trouble>>& points) {
  std::size_t lives = 0;
  std::size_t deaths = 0;
  std::set<std::uint64_t> calls;
  for (std::size_t i = 0; i < points.size(); i += every) {
    GuestLife life{kin};
    life.meet(points[i]);
    const std::string wrong = life.live();
    ++lives;
    deaths += life.host.deaths;
    calls.insert(points[i].front().call);
    INFO(to_string(kin) << ": " << to_string(points[i].front())
                        << (points[i].size() > 1 ? ", then " + to_string(points[i].back()) : ""));
    if (!wrong.empty()) FAIL_CHECK(wrong);
  }
  std::printf("proxmox %s: %zu crash points, %s, at %zu requests; %zu deaths of the daemon\n",
              to_string(kin).c_str(), lives, what.c_str(), calls.size(), deaths);
  CHECK(lives > 0);
  CHECK(deaths > 0);
}

std::vector<std::vector<Trouble>> all_points(const std::vector<std::string>& methods) {
  std::vector<std::vector<Trouble>> points;
  for (std::size_t i = 0; i < methods.size(); ++i)
    for (const Harm harm : harms_of(methods[i])) points.push_back({Trouble{harm, i + 1}});
  return points;
}

// After what each change may meet, a death within the next requests, before or after one.
std::vector<std::vector<Trouble>> recovery_points(const std::vector<std::string>& methods) {
  constexpr std::array first{Harm::die_after, Harm::lost_after, Harm::killed_early,
                             Harm::killed_late, Harm::die_before};
  constexpr std::uint64_t deaths_each = 3;
  constexpr std::uint64_t farthest = 12;
  std::vector<std::vector<Trouble>> points;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (methods[i] == "GET") continue;
    for (const Harm harm : first) {
      for (std::uint64_t k = 0; k < deaths_each; ++k) {
        const std::uint64_t later = 1 + points.size() * 5 % farthest;
        const Harm death = points.size() % 2 == 0 ? Harm::die_before : Harm::die_after;
        points.push_back({Trouble{harm, i + 1}, Trouble{death, i + 1 + later}});
      }
    }
  }
  return points;
}

}  // namespace

TEST_CASE("proxmox guests: no request lost or cut short leaves anything behind",
          "[proxmox][crash]") {
  const Kin kin = GENERATE(container_on_8, machine_on_9);
  check_points(kin, "one harm each", all_points(requests_of_a_life(kin)));
}

TEST_CASE("proxmox guests: a death during recovery leaves nothing behind", "[proxmox][crash]") {
  const Kin kin = GENERATE(container_on_9, machine_on_8);
  check_points(kin, "a harm and a death while recovering",
               recovery_points(requests_of_a_life(kin)));
}
