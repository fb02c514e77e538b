// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/event_poll.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace holdfast::libvirt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int waker_id = 0;  // watches and timers count from 1

// VIR_EVENT_HANDLE_* (libvirt-event.h) and EPOLL* differ in their numbers alone.
struct Pair {
  int ours;
  std::uint32_t epoll;
};
constexpr std::array pairs{
    Pair{VIR_EVENT_HANDLE_READABLE, EPOLLIN}, Pair{VIR_EVENT_HANDLE_WRITABLE, EPOLLOUT},
    Pair{VIR_EVENT_HANDLE_ERROR, EPOLLERR}, Pair{VIR_EVENT_HANDLE_HANGUP, EPOLLHUP}};

std::uint32_t to_epoll(int events) {
  std::uint32_t mask = 0;
  for (const Pair& pair : pairs) mask |= (events & pair.ours) != 0 ? pair.epoll : 0U;
  return mask;
}

int from_epoll(std::uint32_t mask) {
  int events = 0;
  for (const Pair& pair : pairs) events |= (mask & pair.epoll) != 0 ? pair.ours : 0;
  return events;
}

steady_clock::time_point due_after(milliseconds period) {
  return period < milliseconds{0} ? steady_clock::time_point::max() : steady_clock::now() + period;
}

}  // namespace

EventPoll::EventPoll()
    : epoll_{epoll_create1(EPOLL_CLOEXEC)}, waker_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = waker_id;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, waker_.get(), &event);
}

// A descriptor of which nothing is wanted is not in the set: epoll would report its hang-up
// again and again.
bool EventPoll::listen(int id, Watch& watch, int events) const {
  epoll_event event{};
  event.events = to_epoll(events);
  event.data.fd = id;
  const bool was_in = watch.events != 0;
  const bool is_in = events != 0;
  watch.events = events;
  if (!was_in && !is_in) return true;
  const int action = was_in ? (is_in ? EPOLL_CTL_MOD : EPOLL_CTL_DEL) : EPOLL_CTL_ADD;
  return epoll_ctl(epoll_.get(), action, watch.fd, &event) == 0;
}

int EventPoll::add_handle(int fd, int events, virEventHandleCallback ready, void* opaque,
                          virFreeCallback release) {
  const std::lock_guard lock{mutex_};
  Watch watch{.fd = fd, .events = 0, .ready = ready, .owned = {opaque, release}};
  if (!listen(last_id_ + 1, watch, events)) return -1;
  watches_.emplace(++last_id_, watch);
  return last_id_;
}

void EventPoll::update_handle(int watch, int events) {
  const std::lock_guard lock{mutex_};
  const auto found = watches_.find(watch);
  if (found != watches_.end()) listen(watch, found->second, events);
}

int EventPoll::remove_handle(int watch) {
  const std::lock_guard lock{mutex_};
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return -1;
  listen(watch, found->second, 0);
  removed_.push_back(found->second.owned);
  watches_.erase(found);
  wake();
  return 0;
}

int EventPoll::add_timeout(int period, virEventTimeoutCallback due, void* opaque,
                           virFreeCallback release) {
  const std::lock_guard lock{mutex_};
  const milliseconds every{period};
  const Timer timer{
      .period = every, .due = due_after(every), .call = due, .owned = {opaque, release}};
  timers_.emplace(++last_id_, timer);
  if (timer.due < looks_up_at_) wake();
  return last_id_;
}

void EventPoll::update_timeout(int timer, int period) {
  const std::lock_guard lock{mutex_};
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  found->second.period = milliseconds{period};
  found->second.due = due_after(found->second.period);
  if (found->second.due < looks_up_at_) wake();
}

int EventPoll::remove_timeout(int timer) {
  const std::lock_guard lock{mutex_};
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return -1;
  removed_.push_back(found->second.owned);
  timers_.erase(found);
  wake();
  return 0;
}

void EventPoll::wake() {
  constexpr std::uint64_t one = 1;
  // Full means that the loop has not even looked at the last one yet.
  static_cast<void>(!::write(waker_.get(), &one, sizeof one));
}

void EventPoll::release_removed() {
  std::vector<Owned> removed;
  {
    const std::lock_guard lock{mutex_};
    removed.swap(removed_);
  }
  for (const Owned& owned : removed)
    if (owned.release != nullptr) owned.release(owned.opaque);
}

// Milliseconds until the first timer, rounded up; -1: there is none.
int EventPoll::next_wait() const {
  auto first = TimePoint::max();
  for (const auto& [id, timer] : timers_) first = std::min(first, timer.due);
  if (first == TimePoint::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(first - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

void EventPoll::run_once() {
  release_removed();
  int wait = 0;
  {
    const std::lock_guard lock{mutex_};
    wait = next_wait();
    looks_up_at_ = due_after(milliseconds{wait});
  }
  std::array<epoll_event, 16> events{};
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
  {
    const std::lock_guard lock{mutex_};
    looks_up_at_ = TimePoint::min();  // it is up
  }
  tell_due_timers();
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd != waker_id) {
      tell_handle(event.data.fd, event.events);
      continue;
    }
    std::uint64_t wakes = 0;
    static_cast<void>(!::read(waker_.get(), &wakes, sizeof wakes));
  }
  release_removed();
}

// Another thread may remove a watch while it is told; what it owns lives until we are back.
void EventPoll::tell_handle(int id, unsigned ready) {
  Watch watch;
  {
    const std::lock_guard lock{mutex_};
    const auto found = watches_.find(id);
    if (found == watches_.end()) return;
    watch = found->second;
  }
  const int wanted = watch.events | VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;
  const int events = from_epoll(ready) & wanted;
  if (watch.events != 0 && events != 0) watch.ready(id, watch.fd, events, watch.owned.opaque);
}

void EventPoll::tell_due_timers() {
  const auto now = steady_clock::now();
  std::vector<std::pair<int, Timer>> due;
  {
    const std::lock_guard lock{mutex_};
    for (auto& [id, timer] : timers_) {
      if (timer.due > now) continue;
      timer.due = now + timer.period;
      due.emplace_back(id, timer);
    }
  }
  for (const auto& [id, timer] : due) timer.call(id, timer.owned.opaque);
}

}  // namespace holdfast::libvirt
