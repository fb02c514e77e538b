// SPDX-License-Identifier: Apache-2.0
#include "imaging/slot.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "imaging/io_queue.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::size_t page_size = 4096;

constexpr std::size_t round_up(std::size_t size) {
  return (size + page_size - 1) & ~(page_size - 1);
}

}  // namespace

Lane::Lane(unsigned threads, IoPriority priority, Run run) : run_{std::move(run)} {
  for (unsigned i = 0; i < threads; ++i)
    threads_.emplace_back([this, i, priority] {
      if (priority == IoPriority::idle) become_idle();
      serve(i);
    });
}

Lane::~Lane() {
  {
    const std::lock_guard lock{mutex_};
    is_over_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Lane::add(Slot& slot) {
  {
    const std::lock_guard lock{mutex_};
    waiting_.push_back(&slot);
  }
  changed_.notify_one();
}

void Lane::serve(unsigned thread) {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto& slot = *waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    run_(slot, thread);
    lock.lock();
  }
}

unsigned workers_of(const Options& options) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  return options.threads != 0 ? std::min(options.threads, 64U) : std::min(cores, 8U);
}

Result<SlotMemory> SlotMemory::create(std::size_t count, std::size_t raw_size,
                                      std::size_t packed_size) {
  raw_size = round_up(raw_size);
  packed_size = round_up(packed_size);
  SlotMemory memory;
  const auto size = count * (raw_size + packed_size);
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return posix_error(errno, "get memory for a transfer");
  memory.start_ = static_cast<std::byte*>(start);
  memory.size_ = size;
  memory.slots_.resize(count);
  auto* next = memory.start_;
  for (auto& slot : memory.slots_) {
    slot.raw = {next, raw_size};
    slot.packed = {next + raw_size, packed_size};
    next += raw_size + packed_size;
  }
  return memory;
}

SlotMemory::SlotMemory(SlotMemory&& other) noexcept
    : start_{std::exchange(other.start_, nullptr)},
      size_{other.size_},
      slots_{std::move(other.slots_)} {}

SlotMemory::~SlotMemory() {
  if (start_ != nullptr) ::munmap(start_, size_);
}

}  // namespace holdfast::imaging
