// SPDX-License-Identifier: Apache-2.0
#include "imaging/disk_target.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "imaging/posix.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t alignment = 4096;  // enough for every disk with 512 or 4096 byte sectors
// Bounds what is dirty when the caller wants to stop or the final sync begins.
constexpr std::uint64_t write_back_window = 8 * 1024 * 1024;

}  // namespace

Result<UniqueFd> reopen(int fd, int flags) {
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd again{::open(path.c_str(), flags | O_CLOEXEC)};
  if (!again) return posix_error(errno, "reopen " + path);
  return again;
}

Result<DiskTarget> DiskTarget::on(int file, std::string path, bool is_aligned) {
  DiskTarget target{std::move(path)};
  target.file_ = TRY(reopen(file, O_RDWR));
  if (is_aligned) {
    if (auto direct = reopen(file, O_RDWR | O_DIRECT)) target.direct_ = std::move(*direct);
    target.is_direct_ = static_cast<bool>(target.direct_);
  }
  return target;
}

Result<DiskTarget> DiskTarget::open(int file, std::string path, std::uint64_t size,
                                    bool is_aligned) {
  // First of all: writes behind the end of a file wait for each other.
  if (::ftruncate(file, static_cast<off_t>(size)) != 0)
    return posix_error(errno, "set the size of " + path + " to " + std::to_string(size) + " bytes");
  return on(file, std::move(path), is_aligned);
}

Result<DiskTarget> DiskTarget::on_device(int file, std::string path, bool is_aligned) {
  return on(file, std::move(path), is_aligned);
}

int DiskTarget::file_for(const Run& run) {
  const auto address = reinterpret_cast<std::uintptr_t>(run.bytes.data());
  const bool is_aligned = ((run.offset | run.bytes.size() | address) & (alignment - 1)) == 0;
  return is_direct_ && is_aligned ? direct_.get() : file_.get();
}

bool DiskTarget::give_up_direct(int file) {
  if (!direct_ || file != direct_.get()) return false;
  is_direct_ = false;
  return true;
}

Result<void> DiskTarget::written(std::uint64_t offset, std::size_t size) {
  if (is_direct_) return ok();
  const auto start = static_cast<off64_t>(offset);
  // Only hints: errors show in the final sync.
  ::sync_file_range(file_.get(), start, static_cast<off64_t>(size), SYNC_FILE_RANGE_WRITE);
  unflushed_ += size;
  if (unflushed_ < write_back_window) return ok();
  ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE);
  unflushed_ = 0;
  return ok();
}

std::vector<int> DiskTarget::files() const {
  return direct_ ? std::vector{file_.get(), direct_.get()} : std::vector{file_.get()};
}

Result<void> DiskTarget::finish() { return sync_file(file_.get(), path_); }

}  // namespace holdfast::imaging
