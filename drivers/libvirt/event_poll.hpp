// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <libvirt/libvirt.h>

#include "base/unique_fd.hpp"

namespace holdfast::libvirt {

// The event loop that libvirt asks for (virEventRegisterImpl), over epoll(7). libvirt takes
// its socket out of the loop and puts it back around each call that it makes; here both are
// a system call that wakes nobody, where the loop that libvirt brings wakes its thread twice.
// One of its promises is ours to keep: what a watch owns is released on the loop's thread and
// never within remove_*(), which libvirt calls with its locks held.
//
// run_once() is for one thread at a time; all else is thread-safe and returns at once.
class EventPoll {
 public:
  EventPoll();

  // Events are VIR_EVENT_HANDLE_*; errors and hang-ups are told while any is asked for. One
  // watch a descriptor. Returns the watch, or -1.
  int add_handle(int fd, int events, virEventHandleCallback ready, void* opaque,
                 virFreeCallback release);
  void update_handle(int watch, int events);
  // 0, or -1 when there is no such watch.
  int remove_handle(int watch);

  // Every `period` milliseconds; 0: at each turn; negative: not until updated.
  int add_timeout(int period, virEventTimeoutCallback due, void* opaque, virFreeCallback release);
  void update_timeout(int timer, int period);
  int remove_timeout(int timer);

  // Waits for the next event, timer or wake(), and tells whom it concerns.
  void run_once();
  void wake();
  // Releases what removed watches and timers owned, as each run_once() does.
  void release_removed();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Owned {
    void* opaque = nullptr;
    virFreeCallback release = nullptr;
  };
  struct Watch {
    int fd = -1;
    int events = 0;
    virEventHandleCallback ready = nullptr;
    Owned owned{};
  };
  struct Timer {
    std::chrono::milliseconds period{};
    TimePoint due = TimePoint::max();
    virEventTimeoutCallback call = nullptr;
    Owned owned{};
  };

  bool listen(int id, Watch& watch, int events) const;
  int next_wait() const;
  void tell_handle(int id, unsigned ready);
  void tell_due_timers();

  const UniqueFd epoll_;
  const UniqueFd waker_;
  mutable std::mutex mutex_;
  std::map<int, Watch> watches_{};
  std::map<int, Timer> timers_{};
  std::vector<Owned> removed_{};
  int last_id_ = 0;
  TimePoint looks_up_at_ = TimePoint::min();  // until when the loop sleeps if nobody wakes it
};

}  // namespace holdfast::libvirt
