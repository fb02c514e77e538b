// SPDX-License-Identifier: Apache-2.0
#include "imaging/qcow2.hpp"

#include <chrono>

#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

std::string disk_of_sectors() {
  auto content = disk_content();
  content.resize(8 << 20);
  return content;
}

Source make_qcow2(const ScratchFolder& folder, const std::string& content,
                  const std::string& options = "") {
  write_file(folder / "raw", content);
  shell("qemu-img convert -q -f raw -O qcow2 " + options + " " + (folder / "raw") + " " +
        (folder / "image"));
  return source_of(folder / "image", Format::qcow2, content);
}

// Overwrites header bytes, as somebody hostile would.
void patch(const std::string& path, std::size_t offset, std::string_view bytes) {
  auto content = read_file(path);
  content.replace(offset, bytes.size(), bytes);
  write_file(path, content);
}

void check_refused(const Source& source, const ScratchFolder& folder, const std::string& why) {
  check_error(restore(source, folder / "disk", {}), Errc::invalid, {source.path, why});
  CHECK_FALSE(exists(folder / "disk"));
  CHECK_FALSE(exists(folder / "disk.partial"));
  check_error(verify(source, {}), Errc::invalid, {why});
}

TEST_CASE("qcow2: the content comes back sparse and checked", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_of_sectors();
  const auto source = make_qcow2(folder, content, GENERATE("", "-c", "-o compat=0.10"));
  std::vector<Progress> seen;
  Options options;
  options.on_progress = [&](const Progress& progress) { seen.push_back(progress); };
  const auto restored = restore(source, folder / "disk", options);
  INFO((restored ? "" : restored.error().message()));
  REQUIRE(restored);
  CHECK((read_file(folder / "disk") == content));
  CHECK(bytes_on_disk(folder / "disk") < (1 << 20) + (256 << 10));
  CHECK(restored->data_bytes < (1 << 20) + (256 << 10));
  CHECK(restored->data_bytes > (1 << 20));
  CHECK_FALSE(exists(folder / "disk.partial"));
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.back().done == content.size());
  CHECK(seen.back().total == content.size());
}

TEST_CASE("qcow2: it is unpacked in the idle class and within a bandwidth", "[imaging]") {
  const ScratchFolder folder;
  const auto content = random_bytes(4 << 20);
  const auto source = make_qcow2(folder, content);
  Options options;
  options.priority = IoPriority::idle;
  options.max_bytes_per_second = 16 << 20;
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(restore(source, folder / "disk", options));
  CHECK((read_file(folder / "disk") == content));
  // 4 MiB are written by one and read by the other.
  CHECK(std::chrono::steady_clock::now() - started > std::chrono::milliseconds{200});
}

TEST_CASE("qcow2: another hash or size is refused", "[imaging]") {
  const ScratchFolder folder;
  auto source = make_qcow2(folder, disk_of_sectors());
  SECTION("hash") {
    source.sha256 = std::string(64, 'a');
    check_refused(source, folder, hash_of(disk_of_sectors()));
  }
  SECTION("smaller than declared") {
    source.virtual_size += 512;
    check_refused(source, folder, "found 8388608");
  }
  SECTION("larger than declared") {
    source.virtual_size -= 512;
    check_refused(source, folder, "found 8388608");
  }
}

TEST_CASE("qcow2: an image that reads other files of the host is refused", "[imaging]") {
  const ScratchFolder folder;
  auto source = make_qcow2(folder, disk_of_sectors());
  write_file(folder / "secret", std::string(1 << 20, 's'));
  source.sha256 = "";
  SECTION("a backing file") {
    shell("qemu-img create -q -f qcow2 -F raw -b " + (folder / "secret") + " " + source.path +
          " 8M");
    check_refused(source, folder, "backing file");
    check_error(describe(source.path), Errc::invalid, {"backing file"});
  }
  SECTION("a data file") {
    shell("qemu-img create -q -f qcow2 -o data_file=" + (folder / "secret") + " " + source.path +
          " 8M");
    check_refused(source, folder, "another file");
  }
  SECTION("encryption") {
    patch(source.path, 32, std::string_view{"\0\0\0\x01", 4});
    check_refused(source, folder, "encrypted");
  }
}

TEST_CASE("qcow2: damaged headers are refused", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_qcow2(folder, disk_of_sectors());
  SECTION("no magic") {
    patch(source.path, 0, "JUNK");
    check_refused(source, folder, "not a qcow2 image");
  }
  SECTION("a later version") {
    patch(source.path, 4, std::string_view{"\0\0\0\x04", 4});
    check_refused(source, folder, "version 4");
  }
  SECTION("cut off") {
    std::filesystem::resize_file(source.path, 80);
    check_refused(source, folder, "cut off");
  }
  SECTION("an impossible size") {
    patch(source.path, 24, "\xff\xff\xff\xff\xff\xff\xff\xff");
    check_refused(source, folder, "impossible");
  }
  SECTION("marked corrupt") {
    patch(source.path, 72, std::string_view{"\0\0\0\0\0\0\0\x02", 8});
    check_refused(source, folder, "corrupt");
  }
}

TEST_CASE("qcow2: damage behind the header is an error and nothing stays", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_qcow2(folder, disk_of_sectors());
  SECTION("garbage for tables") { patch(source.path, 1 << 16, random_bytes(4 << 16, 7)); }
  SECTION("tables cut off") { std::filesystem::resize_file(source.path, 1 << 17); }
  const auto restored = restore(source, folder / "disk", {});
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code() == Errc::invalid);
  CHECK_FALSE(exists(folder / "disk"));
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("qcow2: a full disk is exhausted and gets its space back", "[imaging]") {
  const ScratchFolder folder;
  const SmallFilesystem small{folder / "small", 2};
  if (!small.is_mounted()) return;
  const auto source = make_qcow2(folder, random_bytes(4 << 20));
  check_error(restore(source, folder / "small/disk", {}), Errc::exhausted, {"No space left"});
  CHECK(std::filesystem::is_empty(folder / "small"));
  CHECK(std::filesystem::space(folder / "small").free > (2 << 20) - (64 << 10));
}

TEST_CASE("qcow2: a stop ends the conversion and nothing stays", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_qcow2(folder, random_bytes(64 << 20));
  std::stop_source stop;
  auto stopped = std::chrono::steady_clock::now();
  Options options;
  options.stop = stop.get_token();
  options.on_progress = [&](const Progress&) {
    if (stop.stop_requested()) return;
    stopped = std::chrono::steady_clock::now();
    stop.request_stop();
  };
  check_error(restore(source, folder / "disk", options), Errc::unavailable, {"interrupted"});
  REQUIRE(stop.stop_requested());
  CHECK(std::chrono::steady_clock::now() - stopped < std::chrono::seconds{1});
  CHECK_FALSE(exists(folder / "disk"));
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("qcow2: a restore killed in the middle is started over at once", "[imaging]") {
  const ScratchFolder folder;
  const auto content = random_bytes(64 << 20);
  const auto source = make_qcow2(folder, content);
  const auto child = ::fork();
  if (child == 0) {
    Options options;
    options.on_progress = [](const Progress&) { ::raise(SIGKILL); };
    static_cast<void>(restore(source, folder / "disk", options));
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK_FALSE(exists(folder / "disk"));
  REQUIRE(exists(folder / "disk.partial"));
  // The conversion may outlive its parent for a moment: it must neither keep the lock nor
  // write into the new file.
  const auto restored = restore(source, folder / "disk", {});
  INFO((restored ? "" : restored.error().message()));
  REQUIRE(restored);
  CHECK((read_file(folder / "disk") == content));
}

TEST_CASE("qcow2: the checked file is read even when its name changes hands", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_of_sectors();
  auto source = make_qcow2(folder, content);
  // The swap comes after the check and before the end: the name then leads to a trap.
  Options options;
  write_file(folder / "trap", "not an image");
  options.on_progress = [&](const Progress&) {
    if (exists(folder / "trap")) std::filesystem::rename(folder / "trap", source.path);
  };
  REQUIRE(restore(source, folder / "disk", options));
  CHECK((read_file(folder / "disk") == content));
}

}  // namespace
}  // namespace holdfast::imaging
