// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "imaging/options.hpp"

// Reads and writes that are under way while their owner does something else.
namespace holdfast::imaging {

struct IoRequest {
  bool is_write = false;
  int file = -1;
  std::uint64_t offset = 0;      // bytes, in the file
  std::span<std::byte> bytes{};  // stays untouched by others until the result is here
  std::uint64_t tag = 0;         // comes back with the result
};

struct IoResult {
  std::uint64_t tag = 0;
  int outcome = 0;  // bytes, perhaps fewer than asked for; or a negative errno
};

// One owner thread calls everything but wake(). Requests finish in any order. To be destroyed
// only when nothing is in flight.
class IoQueue {
 public:
  virtual ~IoQueue() = default;
  // At most as many in flight as the settings' depth.
  virtual void submit(const IoRequest& request) = 0;
  // Adds what has finished to `finished`. Waits for the first, for wake(), or for `patience`,
  // whichever is soonest; a wake() since the last call counts.
  virtual Result<void> wait(std::vector<IoResult>& finished,
                            std::chrono::milliseconds patience) = 0;
  // From any thread.
  virtual void wake() = 0;
};

struct IoSettings {
  unsigned depth = 64;
  std::vector<std::span<std::byte>> buffers{};  // registered with the kernel where it allows it
  std::vector<int> files{};                     // likewise
  IoPriority priority = IoPriority::normal;
};

// Errc::unavailable where the kernel, a container or a seccomp filter does not offer io_uring.
Result<std::unique_ptr<IoQueue>> open_io_uring(const IoSettings& settings);
// A few threads that call pread and pwrite.
std::unique_ptr<IoQueue> open_io_threads(const IoSettings& settings);

// Makes the calling thread's I/O and computing give way to everybody else's.
void become_idle();

}  // namespace holdfast::imaging
