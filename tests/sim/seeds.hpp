// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/sim/invariants.hpp"

namespace holdfast::sim {

// Runs one seed after another and says which of them broke something. HOLDFAST_SEEDS is how
// many there are instead of `usual`; HOLDFAST_SEED=n plays seed n again, and only that.
// The exit code of a program.
inline int run_seeds(const char* title, std::uint64_t usual,
                     const std::function<Breaches(std::uint64_t)>& run) {
  const auto number = [](const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
  };
  const std::uint64_t only = number("HOLDFAST_SEED", 0);
  const std::uint64_t last = only == 0 ? number("HOLDFAST_SEEDS", usual) : only;
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  std::uint64_t broken = 0;
  for (std::uint64_t seed = only == 0 ? 1 : only; seed <= last; ++seed, ++done) {
    const Breaches breaches = run(seed);
    if (breaches.empty()) continue;
    ++broken;
    std::printf("seed %llu (HOLDFAST_SEED=%llu plays it again):\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
    for (const std::string& breach : breaches) std::printf("  %s\n", breach.c_str());
    std::fflush(stdout);
    constexpr std::uint64_t enough = 20;
    if (broken >= enough) break;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%s: %llu seeds, %llu broken, %.1f s, %.0f seeds a second\n", title,
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(broken),
              took.count(), static_cast<double>(done) / took.count());
  return broken == 0 && done > 0 ? 0 : 1;
}

// True while one seed is played again for somebody who wants to see it.
inline bool is_replay() { return std::getenv("HOLDFAST_SEED") != nullptr; }

}  // namespace holdfast::sim
