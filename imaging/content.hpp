// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "imaging/options.hpp"
#include "imaging/pace.hpp"

// A disk's content as a stream, where it goes, and what is measured on the way.
namespace holdfast::imaging {

inline constexpr std::size_t block_size = 64 * 1024;    // zero blocks become holes
inline constexpr std::size_t chunk_size = 1024 * 1024;  // one step between two looks at `stop`

// What comes next: bytes, or a run of zeros. Neither means the end.
struct Chunk {
  std::span<const std::byte> bytes{};  // valid until the next call of next()
  std::uint64_t zeros = 0;
};

// A stream of content. Every chunk but the last ends on a block boundary.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<Chunk> next() = 0;
};

// A file as it is; its holes come as zero runs that cost no reading.
std::unique_ptr<Reader> read_raw(UniqueFd file, std::string path);

// Writes content to a new, empty file in order, leaving holes for zeros. Pushes dirty pages
// to the disk as it goes, so that the final sync is short.
class SparseWriter {
 public:
  SparseWriter(int file, std::string path) : file_{file}, path_{std::move(path)} {}
  Result<void> append(const Chunk& chunk);
  // Sets the size, so that a hole at the end counts, and syncs.
  Result<void> finish();
  std::uint64_t data_bytes() const { return data_bytes_; }

 private:
  Result<void> write_run(std::uint64_t offset, std::span<const std::byte> bytes);

  int file_ = -1;
  std::string path_;
  std::uint64_t size_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::uint64_t flushed_ = 0;  // writeback was started for everything before it
};

// Heeds `stop` and the bandwidth, and reports progress, for everything that takes long.
class Meter {
 public:
  Meter(const Options& options, std::uint64_t total)
      : options_{options}, pace_{options.max_bytes_per_second}, total_{total} {}
  // Errc::unavailable, "interrupted", when asked to stop.
  Result<void> advance(std::uint64_t bytes);

 private:
  const Options& options_;
  Pace pace_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point next_report_{};
};

// What the content must be. `name` is for messages.
struct Expected {
  std::string name{};
  std::optional<std::uint64_t> size{};  // bytes
  std::string sha256{};                 // 64 lower-case hex digits; empty: not checked
};

// Reads `reader` to its end, into `writer` unless that is null. Errc::invalid as soon as
// there is more than the expected size, and at the end when size or hash differ.
Result<void> transfer(Reader& reader, SparseWriter* writer, const Expected& expected, Meter& meter);

// Errc::invalid unless it is 64 lower-case hex digits.
Result<void> check_hash_form(const std::string& sha256, const std::string& name);

}  // namespace holdfast::imaging
