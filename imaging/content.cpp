// SPDX-License-Identifier: Apache-2.0
#include "imaging/content.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "imaging/frame_tree.hpp"
#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

// Bounds what is dirty when the caller wants to stop or the final sync begins.
constexpr std::uint64_t flush_window = 8 * 1024 * 1024;

class RawReader final : public Reader {
 public:
  RawReader(UniqueFd file, std::string path) : file_{std::move(file)}, path_{std::move(path)} {}

  Result<Chunk> next() override {
    if (const auto zeros = TRY(zeros_ahead()); zeros > 0) {
      offset_ += zeros;
      return Chunk{{}, zeros};
    }
    const auto n = TRY(read_at(file_.get(), offset_, buffer_, path_));
    offset_ += n;
    return Chunk{std::span{buffer_}.first(n), 0};
  }

 private:
  // Whole blocks of hole from here on, or all that is left when there is no more data.
  Result<std::uint64_t> zeros_ahead() {
    const auto data = ::lseek(file_.get(), static_cast<off_t>(offset_), SEEK_DATA);
    if (data >= 0) {
      const auto aligned = static_cast<std::uint64_t>(data) / block_size * block_size;
      return aligned > offset_ ? aligned - offset_ : 0;
    }
    if (errno != ENXIO) return std::uint64_t{0};  // no SEEK_DATA here: everything is data
    const auto info = TRY(stat_of(file_.get(), path_));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    return size > offset_ ? size - offset_ : 0;
  }

  UniqueFd file_;
  std::string path_;
  std::uint64_t offset_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(chunk_size);
};

// Checks the size while content passes, and hashes it when a hash is wanted.
class Inspection {
 public:
  explicit Inspection(const Expected& expected) : expected_{expected} {
    if (!expected.sha256.empty()) hasher_.emplace();
  }

  Result<void> add(std::span<const std::byte> bytes) {
    size_ += bytes.size();
    if (expected_.size && size_ > *expected_.size)
      return Error{Errc::invalid, expected_.name + ": expected " + std::to_string(*expected_.size) +
                                      " bytes, found more"};
    if (hasher_) hasher_->add(bytes);
    return ok();
  }

  Result<void> finish() {
    if (expected_.size && size_ != *expected_.size)
      return Error{Errc::invalid, expected_.name + ": expected " + std::to_string(*expected_.size) +
                                      " bytes, found " + std::to_string(size_)};
    if (!hasher_) return ok();
    if (const auto found = to_hex(hasher_->finish()); found != expected_.sha256)
      return Error{Errc::invalid,
                   expected_.name + ": expected SHA-256 " + expected_.sha256 + ", found " + found};
    return ok();
  }

 private:
  const Expected& expected_;
  std::optional<Sha256Hasher> hasher_{};
  std::uint64_t size_ = 0;
};

std::span<const std::byte> zero_chunk() {
  static const std::vector<std::byte> zeros(chunk_size);
  return zeros;
}

}  // namespace

std::unique_ptr<Reader> read_raw(UniqueFd file, std::string path) {
  return std::make_unique<RawReader>(std::move(file), std::move(path));
}

Result<void> SparseWriter::append(const Chunk& chunk) {
  auto rest = chunk.bytes;
  std::uint64_t offset = size_;
  while (!rest.empty()) {
    // One write for the longest run of blocks that are all data, or all zero.
    const bool zero = is_zero(rest.first(std::min(block_size, rest.size())));
    std::size_t run = std::min(block_size, rest.size());
    while (run < rest.size() &&
           is_zero(rest.subspan(run, std::min(block_size, rest.size() - run))) == zero)
      run += std::min(block_size, rest.size() - run);
    if (!zero) TRY(write_run(offset, rest.first(run)));
    offset += run;
    rest = rest.subspan(run);
  }
  size_ = offset + chunk.zeros;
  return ok();
}

Result<void> SparseWriter::write_run(std::uint64_t offset, std::span<const std::byte> bytes) {
  TRY(write_at(file_, offset, bytes, path_));
  data_bytes_ += bytes.size();
  const auto end = offset + bytes.size();
  if (end - flushed_ < flush_window) return ok();
  // Start this window, wait for the one before. Only a hint: errors show in the final sync.
  const auto start = static_cast<off64_t>(flushed_);
  ::sync_file_range(file_, start, static_cast<off64_t>(end - flushed_), SYNC_FILE_RANGE_WRITE);
  if (flushed_ > 0) ::sync_file_range(file_, 0, start, SYNC_FILE_RANGE_WAIT_BEFORE);
  flushed_ = end;
  return ok();
}

Result<void> SparseWriter::finish() {
  if (::ftruncate(file_, static_cast<off_t>(size_)) != 0)
    return posix_error(errno, "set the size of " + path_);
  return sync_file(file_, path_);
}

Result<void> Meter::advance(std::uint64_t bytes) {
  pace_.spend(bytes);
  if (options_.stop.stop_requested() || !pace_.await(options_.stop))
    return Error{Errc::unavailable, "interrupted"};
  done_ += bytes;
  if (!options_.on_progress) return ok();
  if (const auto now = std::chrono::steady_clock::now(); now >= next_report_) {
    next_report_ = now + std::chrono::milliseconds{100};
    options_.on_progress({std::min(done_, total_), total_});
  }
  return ok();
}

Result<void> transfer(Reader& reader, SparseWriter* writer, const Expected& expected,
                      Meter& meter) {
  Inspection inspection{expected};
  for (;;) {
    TRY(meter.advance(0));
    const auto chunk = TRY(reader.next());
    if (chunk.bytes.empty() && chunk.zeros == 0) break;
    TRY(inspection.add(chunk.bytes));
    TRY(meter.advance(chunk.bytes.size()));
    for (auto left = chunk.zeros; left > 0;) {
      const auto n = std::min<std::uint64_t>(left, chunk_size);
      TRY(inspection.add(zero_chunk().first(n)));
      TRY(meter.advance(n));
      left -= n;
    }
    if (writer != nullptr) TRY(writer->append(chunk));
  }
  return inspection.finish();
}

Result<void> check_hash_form(const std::string& sha256, const std::string& name) {
  const bool hex = std::all_of(sha256.begin(), sha256.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (sha256.size() != 64 || !hex)
    return Error{Errc::invalid,
                 name + ": a SHA-256 is 64 lower-case hex digits, got \"" + sha256 + "\""};
  return ok();
}

}  // namespace holdfast::imaging
