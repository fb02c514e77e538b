// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tests/sim/calls.hpp"
#include "tests/sim/seeded_random.hpp"

namespace holdfast::sim {

enum class FaultKind {
  unavailable,   // fails, and nothing was done
  answer_lost,   // done, but the caller hears "unavailable"
  exhausted,     // restore, create_blank, grow, write_seed: no space left; nothing was done
  late,          // succeeds, after half a minute
  stale_list,    // observe_all answers as of some changes ago
  partial_list,  // the provider could list only some guests: an Error, as the port promises
  event_lost,    // a change is not announced
  image_gone,    // restore: the image was removed since it was found
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(FaultKind::image_gone) + 1;

// `times` faults, after `skip` calls it could have struck.
struct Fault {
  FaultKind kind = FaultKind::unavailable;
  std::optional<Call> call{};  // absent: any call
  unsigned skip = 0;
  unsigned times = 1;
};

// Which calls go wrong, by script and by seed. Scripted faults are used up in order.
class FaultPlan {
 public:
  explicit FaultPlan(std::uint64_t seed) : random_{seed} {}

  void script(const Fault& fault);
  void set_rate(FaultKind kind, unsigned per_million);
  // No faults from now on, scripted or random.
  void calm();

  // Whether `kind` strikes this call; a scripted fault is used up by asking.
  bool strikes(FaultKind kind, Call call) { return is_quiet_ ? false : draw(kind, call); }
  std::uint64_t struck() const { return struck_; }

 private:
  bool draw(FaultKind kind, Call call);

  SeededRandom random_;
  std::vector<Fault> scripted_{};
  std::array<unsigned, fault_kinds> rates_{};
  std::uint64_t struck_ = 0;
  bool is_quiet_ = true;
};

}  // namespace holdfast::sim
