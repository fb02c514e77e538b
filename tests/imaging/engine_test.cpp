// SPDX-License-Identifier: Apache-2.0
// The engine under faults: I/O that fails, sources that change, stops, limits, and a kernel
// that does not offer io_uring.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>

#include "tests/imaging/packed_fixture.hpp"

namespace holdfast::imaging {
namespace {

using Clock = std::chrono::steady_clock;

// A disk of 96 MiB of data, for what needs some time.
Source large_raw(const ScratchFolder& folder) {
  const auto path = folder / "large";
  std::string content = random_bytes(16 << 20);
  for (int i = 0; i < 6; ++i) {
    std::ofstream out{path, std::ios::binary | std::ios::app};
    out << content;
  }
  return {path, Format::raw, 96 << 20, "", std::nullopt};
}

TEST_CASE("engine: an I/O error is named with its offset and nothing stays", "[imaging]") {
  const PackedDisk disk;
  const bool is_write = GENERATE(true, false);
  const int failure = GENERATE(EIO, ENOSPC, ENODATA);
  std::size_t count = 0;
  const auto options = twisted([=](const IoRequest& request, IoRequest&, int& error) mutable {
    if (request.is_write == is_write && ++count == 6) error = failure;
  });
  const auto expected = failure == ENOSPC ? Errc::exhausted : Errc::unavailable;
  const auto where =
      (is_write ? "write " + disk.target() + ".partial" : "read " + disk.source.path);
  check_error(restore(disk.source, disk.target(), options), expected, {where + " at offset "});
  disk.check_nothing_left();
}

TEST_CASE("engine: a filesystem that refuses direct writes gets buffered ones", "[imaging]") {
  const PackedDisk disk;
  int refused = 0;
  const auto options = twisted([&](const IoRequest& request, IoRequest&, int& error) {
    if (!request.is_write || (::fcntl(request.file, F_GETFL) & O_DIRECT) == 0) return;
    error = EINVAL;
    ++refused;
  });
  REQUIRE(restore(disk.source, disk.target(), options));
  CHECK((read_file(disk.target()) == disk.content));
  if (refused == 0) WARN("this filesystem does not take O_DIRECT at all");
}

TEST_CASE("engine: an image that is written to meanwhile is a conflict", "[imaging]") {
  const PackedDisk disk;
  auto source = disk.source;
  SECTION("packed") {}
  SECTION("raw, with nothing to check it by") {
    source = {disk.folder / "raw", Format::raw, disk.content.size(), "", std::nullopt};
  }
  SECTION("raw, cut off") {
    source = {disk.folder / "raw", Format::raw, disk.content.size(), "", std::nullopt};
    std::filesystem::resize_file(source.path, disk.content.size());
  }
  bool is_changed = false;
  const auto options = twisted([&](const IoRequest& request, IoRequest&, int&) {
    if (!request.is_write || is_changed) return;
    is_changed = true;
    std::ofstream{source.path, std::ios::binary | std::ios::app} << "more";
  });
  check_error(restore(source, disk.target(), options), Errc::conflict,
              {source.path, "was changed while it was read"});
  disk.check_nothing_left();
}

TEST_CASE("engine: a stop is heeded while reads, threads and writes are busy", "[imaging]") {
  const ScratchFolder folder;
  auto source = large_raw(folder);
  const auto io = GENERATE(IoKind::automatic, IoKind::threads);
  auto fastest = Clock::duration::max();
  for (int attempt = 0; attempt < 5; ++attempt) {  // a busy machine may spoil some
    std::stop_source stop;
    Clock::time_point stopped;
    int writes = 0;
    auto options = twisted([&](const IoRequest& request, IoRequest&, int&) {
      if (!request.is_write || ++writes != 10) return;
      stopped = Clock::now();
      stop.request_stop();
    });
    options.io = io;
    options.stop = stop.get_token();
    check_error(restore(source, folder / "disk", options), Errc::unavailable, {"interrupted"});
    fastest = std::min(fastest, Clock::now() - stopped);
    CHECK_FALSE(exists(folder / "disk"));
    CHECK_FALSE(exists(folder / "disk.partial"));
  }
  CHECK(fastest < std::chrono::milliseconds{100});
}

TEST_CASE("engine: a limit on bytes a second is kept, and stops are heeded in its pauses",
          "[imaging]") {
  const ScratchFolder folder;
  const auto source = large_raw(folder);
  Options options;
  options.max_bytes_per_second = 256 << 20;  // 96 MiB read and written take 0.75 s
  const auto start = Clock::now();
  REQUIRE(restore(source, folder / "disk", options));
  CHECK(Clock::now() - start > std::chrono::milliseconds{700});
  options.max_bytes_per_second = 1 << 20;
  std::stop_source stop;
  options.stop = stop.get_token();
  options.on_progress = [&](const Progress& progress) {
    if (progress.done > 0 || Clock::now() - start > std::chrono::seconds{1}) stop.request_stop();
  };
  check_error(restore(source, folder / "slow", options), Errc::unavailable, {"interrupted"});
}

TEST_CASE("engine: memory is bounded by what is asked for", "[imaging]") {
  const ScratchFolder folder;
  const auto source = large_raw(folder);
  Options options;
  options.memory = 16 << 20;
  std::atomic<const std::byte*> lowest{nullptr};
  std::atomic<const std::byte*> highest{nullptr};
  options.decorate_io = [&](std::unique_ptr<IoQueue> real) {
    return std::make_unique<TwistedQueue>(
        std::move(real), [&](const IoRequest& request, IoRequest&, int&) {
          const auto* start = request.bytes.data();
          if (lowest == nullptr || start < lowest) lowest = start;
          if (highest == nullptr || start + request.bytes.size() > highest)
            highest = start + request.bytes.size();
        });
  };
  REQUIRE(restore(source, folder / "disk", options));
  CHECK(highest - lowest <= 16 << 20);
}

// In a child, as a container's seccomp filter does it.
void forbid_io_uring() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, rules};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(9);
}

TEST_CASE("engine: without io_uring it says so in one line and works with threads", "[imaging]") {
  const PackedDisk disk;
  const auto child = ::fork();
  if (child == 0) {
    forbid_io_uring();
    std::vector<std::string> notes;
    Options options;
    options.on_note = [&](std::string_view text) { notes.emplace_back(text); };
    if (!restore(disk.source, disk.target(), options)) ::_exit(1);
    if (notes.size() != 1 || notes[0].find("no io_uring here, using threads") != 0) ::_exit(2);
    options.io = IoKind::io_uring;
    const auto refused = restore(disk.source, disk.folder / "refused", options);
    ::_exit(!refused && refused.error().code() == Errc::unavailable ? 0 : 3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK((read_file(disk.target()) == disk.content));
}

}  // namespace
}  // namespace holdfast::imaging
