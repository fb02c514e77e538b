// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "imaging/io_queue.hpp"

namespace holdfast::imaging {
namespace {

constexpr unsigned max_threads = 8;

int perform(const IoRequest& request) {
  const auto offset = static_cast<off_t>(request.offset);
  for (;;) {
    const auto n = request.is_write
                       ? ::pwrite(request.file, request.bytes.data(), request.bytes.size(), offset)
                       : ::pread(request.file, request.bytes.data(), request.bytes.size(), offset);
    if (n >= 0) return static_cast<int>(n);
    if (errno != EINTR) return -errno;
  }
}

class IoThreadQueue final : public IoQueue {
 public:
  explicit IoThreadQueue(const IoSettings& settings) {
    const unsigned count = std::min(settings.depth, max_threads);
    for (unsigned i = 0; i < count; ++i)
      threads_.emplace_back([this, priority = settings.priority] {
        if (priority == IoPriority::idle) become_idle();
        serve();
      });
  }
  IoThreadQueue(const IoThreadQueue&) = delete;
  IoThreadQueue& operator=(const IoThreadQueue&) = delete;
  ~IoThreadQueue() override {
    {
      const std::lock_guard lock{mutex_};
      is_over_ = true;
    }
    asked_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  void submit(const IoRequest& request) override {
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back(request);
    }
    asked_.notify_one();
  }

  Result<void> wait(std::vector<IoResult>& finished, std::chrono::milliseconds patience) override {
    std::unique_lock lock{mutex_};
    answered_.wait_for(lock, patience, [this] { return is_woken_ || !results_.empty(); });
    is_woken_ = false;
    finished.insert(finished.end(), results_.begin(), results_.end());
    results_.clear();
    return ok();
  }

  void wake() override {
    {
      const std::lock_guard lock{mutex_};
      is_woken_ = true;
    }
    answered_.notify_one();
  }

 private:
  void serve() {
    std::unique_lock lock{mutex_};
    for (;;) {
      asked_.wait(lock, [this] { return is_over_ || !requests_.empty(); });
      if (requests_.empty()) return;
      const auto request = requests_.front();
      requests_.pop_front();
      lock.unlock();
      const int outcome = perform(request);
      lock.lock();
      results_.push_back({request.tag, outcome});
      answered_.notify_one();
    }
  }

  std::mutex mutex_{};
  std::condition_variable asked_{};
  std::condition_variable answered_{};
  std::deque<IoRequest> requests_{};
  std::vector<IoResult> results_{};
  bool is_woken_ = false;
  bool is_over_ = false;
  std::vector<std::thread> threads_{};
};

}  // namespace

std::unique_ptr<IoQueue> open_io_threads(const IoSettings& settings) {
  return std::make_unique<IoThreadQueue>(settings);
}

void become_idle() {
  constexpr int who_process = 1;         // IOPRIO_WHO_PROCESS (linux/ioprio.h)
  constexpr int idle_class = 3U << 13U;  // IOPRIO_CLASS_IDLE
  constexpr int nicest = 19;
  const auto self = static_cast<int>(::syscall(SYS_gettid));
  ::syscall(SYS_ioprio_set, who_process, self, idle_class);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(self), nicest);  // of this thread, on Linux
}

}  // namespace holdfast::imaging
