// SPDX-License-Identifier: Apache-2.0
#include "drivers/local/disk_copy.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "base/sha256.hpp"
#include "base/unique_fd.hpp"
#include "imaging/pace.hpp"
#include "imaging/posix.hpp"
#include "imaging/process.hpp"

namespace holdfast::local {
namespace {

constexpr std::size_t chunk = 1024 * 1024;

struct Copying {
  int from = -1;
  int to = -1;
  std::string source{};
  std::string partial{};
  std::uint64_t length = 0;  // of what is copied
  const host::Transfer& transfer;
  std::optional<Bytes> bandwidth{};
  imaging::Pace pace{bandwidth.value_or(Bytes{}).value};
  std::vector<std::byte> buffer = std::vector<std::byte>(chunk);

  // Copying is the first half of the work, reading back the second.
  Result<void> advance(std::uint64_t done) const {
    if (transfer.stop.stop_requested() || !pace.await(transfer.stop))
      return Error{Errc::unavailable, "stopped on request"};
    if (transfer.on_progress) transfer.on_progress({done, 2 * length});
    return ok();
  }
  Result<std::size_t> read(int fd, const std::string& name, std::uint64_t at, std::uint64_t end) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk, end - at));
    const auto n = ::pread(fd, buffer.data(), wanted, static_cast<off_t>(at));
    if (n < 0) return posix_error(errno, "read " + name);
    if (n == 0) return Error{Errc::unavailable, name + " ends early"};
    pace.spend(static_cast<std::uint64_t>(n));
    return static_cast<std::size_t>(n);
  }
};

Result<void> write_all(Copying& work, std::size_t count, std::uint64_t at) {
  for (std::size_t done = 0; done < count;) {
    const auto n =
        ::pwrite(work.to, work.buffer.data() + done, count - done, static_cast<off_t>(at + done));
    if (n < 0) return posix_error(errno, "write " + work.partial);
    done += static_cast<std::size_t>(n);
    work.pace.spend(static_cast<std::uint64_t>(n));
  }
  return ok();
}

// Data only: what is a hole stays one.
Result<void> copy_extents(Copying& work) {
  for (std::uint64_t at = 0; at < work.length;) {
    const off_t data = ::lseek(work.from, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    if (data < 0) return posix_error(errno, "look for data in " + work.source);
    const off_t hole = ::lseek(work.from, data, SEEK_HOLE);
    if (hole < 0) return posix_error(errno, "look for holes in " + work.source);
    const auto end = std::min<std::uint64_t>(static_cast<std::uint64_t>(hole), work.length);
    for (at = static_cast<std::uint64_t>(data); at < end;) {
      const auto n = TRY(work.read(work.from, work.source, at, end));
      TRY(write_all(work, n, at));
      at += n;
      TRY(work.advance(at));
    }
  }
  return ok();
}

Result<Sha256> hash(Copying& work, int fd, const std::string& name, std::uint64_t done_before) {
  Sha256Hasher hasher;
  for (std::uint64_t at = 0; at < work.length;) {
    const auto n = TRY(work.read(fd, name, at, work.length));
    hasher.add(std::span{work.buffer}.first(n));
    at += n;
    TRY(work.advance(done_before + at / 2));
  }
  return hasher.finish();
}

Result<void> set_size(const Copying& work, Bytes size) {
  if (::ftruncate(work.to, static_cast<off_t>(size.value)) != 0)
    return posix_error(errno, "set the size of " + work.partial);
  if (::fsync(work.to) != 0) return posix_error(errno, "sync " + work.partial);
  // Read back from the disk, not from what was just written to memory.
  static_cast<void>(::posix_fadvise(work.to, 0, 0, POSIX_FADV_DONTNEED));
  return ok();
}

Result<void> copy_raw(Copying& work, Bytes size) {
  struct stat info {};
  if (::fstat(work.from, &info) != 0) return posix_error(errno, "read " + work.source);
  work.length = std::min(static_cast<std::uint64_t>(info.st_size), size.value);
  // Both have the same blocks then, where the filesystem can share them.
  const bool is_clone = ::ioctl(work.to, FICLONE, work.from) == 0;
  if (!is_clone) TRY(copy_extents(work));
  TRY(set_size(work, size));
  if (is_clone) return work.advance(2 * work.length);
  const Sha256 wanted = TRY(hash(work, work.from, work.source, work.length));
  const Sha256 found = TRY(hash(work, work.to, work.partial, work.length + work.length / 2));
  if (wanted != found)
    return Error{Errc::corrupt, work.partial + " reads back as " + to_hex(found) + ", not as " +
                                    to_hex(wanted) + ", which " + work.source + " holds"};
  return ok();
}

Result<int> run_qemu_img(std::vector<std::string> arguments, const host::Transfer& transfer) {
  arguments.insert(arguments.begin(), "qemu-img");
  const auto end = TRY(imaging::run({arguments, {}, {}, transfer.stop}));
  const bool may_differ = arguments[1] == "compare" && end.exit_status == 1;
  if (end.exit_status == 0 || may_differ) return end.exit_status;
  const bool is_full = end.errors.find(std::strerror(ENOSPC)) != std::string::npos;
  return Error{is_full ? Errc::exhausted : Errc::unavailable,
               "qemu-img " + arguments[1] + ": " + end.errors};
}

// What an overlay and all below it come to. Whole first, because that is what can be
// compared; then cut, or lengthened.
Result<void> copy_layers(Copying& work, Bytes size) {
  std::vector<std::string> convert{"convert", "-q", "-W", "-f", "qcow2", "-O", "raw"};
  if (work.bandwidth) convert.insert(convert.end(), {"-r", std::to_string(work.bandwidth->value)});
  convert.insert(convert.end(), {work.source, work.partial});
  TRY(run_qemu_img(convert, work.transfer));
  struct stat info {};
  if (::fstat(work.to, &info) != 0) return posix_error(errno, "read " + work.partial);
  TRY(set_size(work, Bytes{static_cast<std::uint64_t>(info.st_size)}));
  const int differs = TRY(run_qemu_img(
      {"compare", "-q", "-f", "qcow2", "-F", "raw", work.source, work.partial}, work.transfer));
  if (differs != 0)
    return Error{Errc::corrupt, work.partial + " reads back other than " + work.source + " holds"};
  return set_size(work, size);
}

}  // namespace

Result<void> copy_disk(const host::CopySource& source, const std::string& path, Bytes size,
                       const host::Transfer& transfer, std::optional<Bytes> bandwidth) {
  if (source.format != "raw" && source.format != "qcow2")
    return Error{Errc::invalid, "disk " + source.path + " has the format '" + source.format +
                                    "'; raw and qcow2 can be copied"};
  const UniqueFd from{::open(source.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!from) return posix_error(errno, "open " + source.path);
  const std::string partial = path + ".partial";
  const UniqueFd to{
      ::open(partial.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!to) return posix_error(errno, "create " + partial);
  Copying work{from.get(), to.get(), source.path, partial, 0, transfer, bandwidth};
  auto copied = source.format == "raw" ? copy_raw(work, size) : copy_layers(work, size);
  // link() refuses to replace what appeared meanwhile; rename() would not.
  if (copied && ::link(partial.c_str(), path.c_str()) != 0)
    copied = posix_error(errno, "create " + path);
  ::unlink(partial.c_str());
  return copied;
}

}  // namespace holdfast::local
