// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"

namespace holdfast::libvirt {

// Ends calls that wait on a socket for too long: the socket is shut down, libvirt takes that
// for a daemon that died, and the call returns. A call costs no second thread by this, only a
// note of when it would be late. Thread-safe.
class LateCalls {
 public:
  LateCalls();
  ~LateCalls();
  LateCalls(const LateCalls&) = delete;
  LateCalls& operator=(const LateCalls&) = delete;

  // One call, for as long as it lives.
  class Watch {
   public:
    Watch(Watch&& other) noexcept : owner_{other.owner_}, id_{std::exchange(other.id_, 0)} {}
    Watch& operator=(Watch&&) = delete;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();
    // Ends the watch. True: it was late, and its socket has been shut down.
    bool end();

   private:
    friend class LateCalls;
    Watch(LateCalls& owner, std::uint64_t id) : owner_{owner}, id_{id} {}
    LateCalls& owner_;
    std::uint64_t id_;  // 0: nothing is watched any more
  };

  // `socket` must stay open until the watch ends; negative: there is none, nothing is done.
  [[nodiscard]] Watch watch(int socket, Duration patience);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Call {
    int socket = -1;
    TimePoint late{};
  };
  struct State {
    std::map<std::uint64_t, Call> calls{};  // few: those that wait at this moment
    std::uint64_t last_id = 0;
    TimePoint looks_up_at = TimePoint::max();
    bool stopping = false;
  };

  void serve();
  static TimePoint cut_late(State& state, TimePoint now);

  Guarded<State> state_{};
  std::thread thread_{};
};

}  // namespace holdfast::libvirt
