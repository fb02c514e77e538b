// SPDX-License-Identifier: Apache-2.0
// kill -9 while a disk is being restored. tests/imaging/kill_soak.sh asks for more of it.
#include <signal.h>
#include <sys/xattr.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/unique_fd.hpp"
#include "tests/imaging/packed_fixture.hpp"

namespace holdfast::imaging {
namespace {

using Clock = std::chrono::steady_clock;

// 96 MiB of which two thirds are data, packed: a restore takes some tenths of a second.
struct LargeDisk {
  ScratchFolder folder{};
  Source source{};
  std::string hash{};

  LargeDisk() {
    {
      std::ofstream out{folder / "raw", std::ios::binary};
      for (unsigned i = 0; i < 12; ++i)
        out << (i % 3 == 2 ? std::string(8 << 20, '\0') : random_bytes(8 << 20, i));
    }
    PackSettings settings;
    settings.level = 1;
    settings.frame_size = 1 << 20;
    const auto packed = pack(folder / "raw", folder / "image", settings, {});
    REQUIRE(packed);
    source = {folder / "image", Format::raw_zst, packed->virtual_size, "", packed->tree};
  }
  std::string target() const { return folder / "disk"; }
  bool is_right() const {
    return std::system(("cmp -s " + (folder / "raw") + " " + target()).c_str()) == 0;
  }
};

// Starts a restore in a child and kills it after `delay`. False when it had finished.
bool killed_after(const LargeDisk& disk, Clock::duration delay, IoKind io) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Options options;
    options.io = io;
    ::_exit(restore(disk.source, disk.target(), options) ? 0 : 1);
  }
  std::this_thread::sleep_for(delay);  // the moment is what the test is about
  ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) CHECK(WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

TEST_CASE("restore: killed at random moments it ends in a correct disk or a clean absence",
          "[imaging][kill]") {
  const LargeDisk disk;
  const char* asked = std::getenv("HOLDFAST_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 10;
  const auto start = Clock::now();
  REQUIRE(restore(disk.source, disk.target(), {}));
  const auto usual = Clock::now() - start;
  REQUIRE(disk.is_right());
  std::filesystem::remove(disk.target());

  std::mt19937 random{std::random_device{}()};
  int finished = 0;
  int resumed = 0;
  for (int i = 0; i < kills; ++i) {
    const auto share = static_cast<double>(random() % 1000) / 1000 * 1.1;
    const auto delay = std::chrono::duration_cast<Clock::duration>(usual * share);
    CAPTURE(i, share);
    if (!killed_after(disk, delay, i % 4 == 3 ? IoKind::threads : IoKind::automatic)) ++finished;
    if (exists(disk.target())) {
      REQUIRE(disk.is_right());
      CHECK_FALSE(exists(disk.target() + ".partial"));
      std::filesystem::remove(disk.target());
    }
    if (i % 2 == 0) continue;  // killed twice or more in a row: the leftover is taken over
    Options options;
    std::vector<std::string> notes;
    options.on_note = [&](std::string_view text) { notes.emplace_back(text); };
    const auto restored = restore(disk.source, disk.target(), options);
    INFO((restored ? "" : restored.error().message()));
    REQUIRE(restored);
    REQUIRE(disk.is_right());
    CHECK_FALSE(exists(disk.target() + ".partial"));
    if (restored->kept_bytes > 0) ++resumed;
    std::filesystem::remove(disk.target());
  }
  // For whoever asked for many.
  if (asked != nullptr)
    std::printf("%d kills: %d came too late, %d restores went on from what was there\n", kills,
                finished, resumed);
}

TEST_CASE("restore: it goes on from what a killed one left and says so", "[imaging][kill]") {
  const LargeDisk disk;
  const auto partial = disk.target() + ".partial";
  // A child that dies once more than 60 MiB are done.
  const auto child = ::fork();
  if (child == 0) {
    Options options;
    options.max_bytes_per_second = 200 << 20;
    options.on_progress = [](const Progress& progress) {
      if (progress.done > 60 << 20) ::raise(SIGKILL);
    };
    static_cast<void>(restore(disk.source, disk.target(), options));
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(exists(partial));
  std::vector<std::string> notes;
  Options options;
  options.on_note = [&](std::string_view text) { notes.emplace_back(text); };
  std::string expected = "going on from a killed restore";
  auto source = disk.source;
  SECTION("as it was left") {}
  SECTION("with damage in it") {
    const UniqueFd file{::open(partial.c_str(), O_WRONLY | O_CLOEXEC)};
    REQUIRE(::pwrite(file.get(), "damage", 6, 3 << 20) == 6);
    REQUIRE(::pwrite(file.get(), "damage", 6, 20 << 20) == 6);  // where zeros belong
  }
  SECTION("longer than the disk") { std::filesystem::resize_file(partial, 1 << 30); }
  SECTION("of another image") {
    REQUIRE(::removexattr(partial.c_str(), "user.holdfast.root") == 0);
    expected = "starting over: what is there is not of this image";
  }
  SECTION("with hardly anything in it") {
    std::filesystem::resize_file(partial, 2 << 20);
    expected = "starting over: a killed restore left only 2 MiB";
  }
  const auto restored = restore(source, disk.target(), options);
  INFO((restored ? "" : restored.error().message()));
  REQUIRE(restored);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find(expected) != std::string::npos);
  CHECK((restored->kept_bytes > 0) == (expected.find("going on") == 0));
  REQUIRE(disk.is_right());
  CHECK(bytes_on_disk(disk.target()) < 70 << 20);
}

TEST_CASE("restore: after a stop the partial disk stays when that is asked for", "[imaging]") {
  const LargeDisk disk;
  std::stop_source stop;
  Options options;
  options.max_bytes_per_second = 200 << 20;
  options.keeps_partial = true;
  options.stop = stop.get_token();
  options.on_progress = [&](const Progress& progress) {
    if (progress.done > 60 << 20) stop.request_stop();
  };
  check_error(restore(disk.source, disk.target(), options), Errc::unavailable, {"interrupted"});
  CHECK_FALSE(exists(disk.target()));
  REQUIRE(exists(disk.target() + ".partial"));
  const auto restored = restore(disk.source, disk.target(), {});
  REQUIRE(restored);
  CHECK(restored->kept_bytes > 32 << 20);
  CHECK(disk.is_right());
}

}  // namespace
}  // namespace holdfast::imaging
