// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "base/sha256.hpp"
#include "imaging/options.hpp"

// Private to imaging/: what travels through a pipeline, and the threads it travels between.
namespace holdfast::imaging {

// A stretch of the disk that is read, computed and written as one. Stretches that nothing has
// to be done about (holes) are no pieces.
struct Piece {
  std::uint64_t disk_offset = 0;
  std::uint32_t disk_size = 0;    // bytes
  std::uint64_t file_offset = 0;  // what to read for it
  std::uint32_t file_size = 0;    // bytes; 0: nothing is read
  bool is_packed = false;         // a zstd frame; else the disk's bytes as they are
};

// Bytes of a slot that go to the target.
struct Run {
  std::span<std::byte> bytes{};
  std::uint64_t offset = 0;
};

// One piece on its way, with the memory it needs. Owned by one thread at a time.
struct Slot {
  std::span<std::byte> raw{};     // starts on a page
  std::span<std::byte> packed{};  // empty where nothing is compressed
  Piece piece{};
  std::uint64_t number = 0;      // of the piece, counted from 0 in order
  std::vector<Run> runs{};       // what is left to write
  std::size_t packed_size = 0;   // bytes of `packed` that count
  unsigned holders = 0;          // writes under way, and the stage in order
  bool is_last = false;          // a stream's end: no piece
  std::optional<Sha256> hash{};  // of the content, where the job wants to remember it
  std::optional<Error> error{};

  std::span<std::byte> content() const { return raw.first(piece.disk_size); }
};

// Threads that take slots in the order they were added. Joins them on destruction.
class Lane {
 public:
  using Run = std::function<void(Slot& slot, unsigned thread)>;
  Lane(unsigned threads, IoPriority priority, Run run);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  void add(Slot& slot);

 private:
  void serve(unsigned thread);

  Run run_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::deque<Slot*> waiting_{};
  bool is_over_ = false;
  std::vector<std::thread> threads_{};
};

// How many threads a job computes on.
unsigned workers_of(const Options& options);

// Page-aligned memory for slots, given back to the system as a whole.
class SlotMemory {
 public:
  // `count` slots of `raw_size` and `packed_size` bytes. Errc::exhausted.
  static Result<SlotMemory> create(std::size_t count, std::size_t raw_size,
                                   std::size_t packed_size);
  SlotMemory(SlotMemory&& other) noexcept;
  SlotMemory& operator=(SlotMemory&&) = delete;
  SlotMemory(const SlotMemory&) = delete;
  SlotMemory& operator=(const SlotMemory&) = delete;
  ~SlotMemory();

  std::vector<Slot>& slots() { return slots_; }

 private:
  SlotMemory() = default;
  std::byte* start_ = nullptr;
  std::size_t size_ = 0;
  std::vector<Slot> slots_{};
};

}  // namespace holdfast::imaging
