// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "gate/permit.hpp"
#include "host/observed.hpp"
#include "tests/sim/crash_switch.hpp"
#include "tests/sim/fault_plan.hpp"
#include "tests/sim/manual_clock.hpp"
#include "tests/sim/sim_world.hpp"

namespace holdfast::sim {

// What a destructive call is about to do, for the check of its permit.
struct Destruction {
  Call call = Call::undefine;
  Uuid uuid{};
  std::optional<Incarnation> incarnation{};  // absent: the call cannot know it
  std::string object{};
};

// What all ports of the simulated host share: the order in which a call meets the crash
// switch, the faults, the world and the log. Private to the folder.
class SimCore {
 public:
  SimCore(SimWorld& simulated, ManualClock& time, std::uint64_t seed)
      : world{simulated}, clock{time}, faults{seed} {}

  // A call with an effect on `subject`: a point to die at before it and after it.
  template <class Body>
  std::invoke_result_t<Body> change(Call call, const Uuid& subject, Body body) {
    auto answer = change_locked(call, subject, body);
    deliver_events();
    return answer;
  }
  // A call without one.
  template <class Answer, class Body>
  Answer read(Call call, Body body) {
    const std::lock_guard<std::recursive_mutex> lock{mutex};
    run_timers();
    ++world.counts[index_of(call)];
    if (auto refused = refuse(call)) return std::move(*refused);
    return body();
  }

  // Ours: it exists and carries our marker. Not found, or conflict.
  Result<SimDomain*> find_ours(Call call, const Uuid& uuid);
  // Errc::denied, and an offence, unless `permit` is of one of `verbs` and speaks of this guest.
  Result<void> examine(const gate::Permit& permit, const Destruction& what,
                       std::initializer_list<gate::Verb> verbs);
  // examine(), and writes down what follows.
  Result<void> check(const gate::Permit& permit, const Destruction& what,
                     std::initializer_list<gate::Verb> verbs);
  void offend(std::string sentence);

  void announce(Call call, const Uuid& uuid);
  void deliver_events();
  // Guests that were asked to stop and have; the provider coming back.
  void run_timers();
  bool is_provider_away() const { return clock.elapsed() < away_until; }

  SimWorld& world;
  ManualClock& clock;
  FaultPlan faults;
  CrashSwitch crash{};
  std::recursive_mutex mutex{};
  std::function<void(const Uuid&)> changed{};
  std::deque<Uuid> events{};
  Duration away_until{};
  bool is_back_announced = true;
  Duration next_due = Duration::max();  // earliest timer

 private:
  // Marks `subject` as being changed; two at a time is an offence.
  class InFlight {
   public:
    InFlight(SimCore& core, Call call, const Uuid& subject);
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight();

   private:
    SimCore& core_;
    Uuid subject_;
    bool is_first_ = false;
  };

  template <class Body>
  std::invoke_result_t<Body> change_locked(Call call, const Uuid& subject, Body& body) {
    const InFlight in_flight{*this, call, subject};
    const std::lock_guard<std::recursive_mutex> lock{mutex};
    run_timers();
    ++world.counts[index_of(call)];
    crash.point(to_string(call));
    if (crash.is_dead()) return Error{Errc::unavailable, "the daemon is dead"};
    if (auto refused = refuse(call)) return std::move(*refused);
    auto answer = body();
    log(call, subject, answer ? std::nullopt : std::optional<Errc>{answer.error().code()});
    crash.point(to_string(call));
    if (answer && faults.strikes(FaultKind::answer_lost, call)) {
      return Error{Errc::unavailable, "the answer was lost"};
    }
    return answer;
  }

  std::optional<Error> refuse(Call call);
  void log(Call call, const Uuid& subject, std::optional<Errc> error);

  Guarded<std::set<Uuid>> in_flight_{};
};

}  // namespace holdfast::sim
