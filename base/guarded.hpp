// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace holdfast {

// A value that can only be reached while its mutex is held.
//
//   Guarded<Queue> queue_;
//   auto queue = queue_.lock();
//   queue.wait(stop, [&] { return !queue->ready.empty(); });
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_{std::move(value)} {}

  class Access {
   public:
    T* operator->() { return &owner_.value_; }
    T& operator*() { return owner_.value_; }
    template <class StopToken, class Predicate>
    bool wait(StopToken stop, Predicate ready) {
      return owner_.changed_.wait(lock_, std::move(stop), std::move(ready));
    }
    // As wait(), but gives up at `deadline`; false when `ready` still does not hold.
    template <class StopToken, class TimePoint, class Predicate>
    bool wait_until(StopToken stop, TimePoint deadline, Predicate ready) {
      return owner_.changed_.wait_until(lock_, std::move(stop), deadline, std::move(ready));
    }

   private:
    friend class Guarded;
    explicit Access(Guarded& owner) : owner_{owner}, lock_{owner.mutex_} {}
    Guarded& owner_;
    std::unique_lock<std::mutex> lock_;
  };

  Access lock() { return Access{*this}; }
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  T value_{};
};

}  // namespace holdfast
