// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string_view>

// What a long job may use and how it is followed.
namespace holdfast::imaging {

class IoQueue;

struct Progress {
  std::uint64_t done = 0;   // bytes
  std::uint64_t total = 0;  // bytes of virtual size, or of files when importing
};

enum class IoKind { automatic, io_uring, threads };
// `idle` gives way to whatever else wants the disk or a core.
enum class IoPriority { normal, idle };

struct Options {
  // Called on the caller's thread, at most ten times a second and once at the end.
  std::function<void(const Progress&)> on_progress{};
  // Asks for an early end; heeded within 100 ms: Errc::unavailable, "interrupted".
  std::stop_token stop{};
  // One line for a log, on the caller's thread: what an operator may want to know of how the
  // job is done.
  std::function<void(std::string_view)> on_note{};
  std::uint64_t memory = 64 * 1024 * 1024;  // bytes of buffers, but room for three pieces
  std::uint64_t max_bytes_per_second = 0;   // read and written together; 0: no limit
  unsigned threads = 0;                     // that compute; 0: as many as cores, at most 8
  IoPriority priority = IoPriority::normal;
  IoKind io = IoKind::automatic;
  // What was restored until a stop stays as NAME.partial, for a later call to go on from.
  bool keeps_partial = false;
  // For tests: a queue around the real one, to make I/O fail.
  std::function<std::unique_ptr<IoQueue>(std::unique_ptr<IoQueue>)> decorate_io{};
};

}  // namespace holdfast::imaging
