// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "imaging/options.hpp"
#include "imaging/slot.hpp"

// Private to imaging/. Pieces of a disk on their way: read through one I/O queue, computed on
// worker threads, written through the same queue, all three at once and in bounded memory.
namespace holdfast::imaging {

// Bytes that come in order and cannot be asked for by offset (a zstd file of one frame).
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // As many as `into` holds; fewer only at the end. Called on a thread of its own.
  virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

// Where the bytes go. All but write-behind is up to the pipeline's caller.
class Target {
 public:
  virtual ~Target() = default;
  // The descriptor for these bytes, which decides whether the page cache is passed by.
  virtual int file_for(const Run& run) = 0;
  // A write to `file` was refused. False unless that was because it passes by the cache; from
  // then on nothing does.
  virtual bool give_up_direct(int file) = 0;
  virtual Result<void> written(std::uint64_t offset, std::size_t size) = 0;
  virtual const std::string& path() const = 0;
};

// What is done with the pieces. Which thread calls what is said at each; nothing is called
// again after it returned an error.
class Job {
 public:
  virtual ~Job() = default;
  // The next piece, in the order of the disk; none at the end. On the caller's thread; not
  // called for a stream, whose pieces follow each other.
  virtual Result<std::optional<Piece>> next() = 0;
  // Looks at what was read, checks it, and leaves in `runs` what is to be written. On any of
  // the workers; `worker` counts from 0.
  virtual Result<void> work(Slot& slot, unsigned worker) = 0;

  // Whether place() and absorb() want the pieces in order. Costs waiting for the slowest.
  virtual bool is_ordered() const { return false; }
  // May still change `runs`. On the caller's thread.
  virtual Result<void> place(Slot& slot) {
    static_cast<void>(slot);
    return ok();
  }
  // On one thread, after place(), while the slot is being written; ordered jobs only.
  virtual Result<void> absorb(Slot& slot) {
    static_cast<void>(slot);
    return ok();
  }
  // On that thread, after the last piece.
  virtual Result<void> absorb_end() { return ok(); }
  // How far absorb() has come, in bytes of the disk; from any thread.
  virtual std::uint64_t absorbed() const { return UINT64_MAX; }
  // Set when absorb() and work() should give up soon.
  std::atomic<bool> is_stopped = false;
};

struct Route {
  int source = -1;
  std::string source_path{};
  ByteStream* stream = nullptr;     // in place of the source
  Target* target = nullptr;         // none: nothing is written
  std::vector<int> files{};         // every descriptor that will be read or written
  std::uint64_t disk_size = 0;      // bytes
  std::uint32_t piece_size = 0;     // bytes of the disk, at most
  std::uint32_t packed_size = 0;    // bytes that a compressed piece may take; 0: none are
  std::uint64_t stream_memory = 0;  // bytes of the job's memory that the stream has
};

// Runs the job to its end. The error is that of the foremost piece that has one, whatever
// finished first. When it returns, nothing of it is under way any more.
Result<void> run(Job& job, const Route& route, const Options& options);

}  // namespace holdfast::imaging
