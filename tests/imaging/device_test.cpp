// SPDX-License-Identifier: Apache-2.0
// Real block devices (loop), and filesystems that share blocks. Both need root.
#include <sys/mount.h>

#include <array>
#include <cstdio>

#include "tests/imaging/packed_fixture.hpp"

namespace holdfast::imaging {
namespace {

std::string output_of(const std::string& command) {
  std::array<char, 256> line{};
  std::string text;
  auto* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) text += line.data();
  ::pclose(pipe);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// A block device of `size` bytes that holds 0xee all over.
class LoopDevice {
 public:
  LoopDevice(const ScratchFolder& folder, std::uint64_t size) : backing_{folder / "backing"} {
    write_file(backing_, std::string(size, '\xee'));
    path_ = output_of("losetup --find --show " + backing_ + " 2>/dev/null");
  }
  ~LoopDevice() {
    if (!path_.empty()) static_cast<void>(std::system(("losetup -d " + path_).c_str()));
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  bool is_there() const {
    if (path_.empty()) WARN("skipped: no loop devices (needs root)");
    return !path_.empty();
  }
  const std::string& path() const { return path_; }
  std::string content() const { return output_of_device(); }

 private:
  std::string output_of_device() const { return read_file(path_); }
  std::string backing_;
  std::string path_{};
};

TEST_CASE("device: a disk goes over a block device and what was there is gone", "[imaging]") {
  const PackedDisk disk;
  const LoopDevice device{disk.folder, 16 << 20};
  if (!device.is_there()) return;
  auto source = disk.source;
  auto content = disk.content;
  SECTION("packed") {}
  SECTION("raw") {
    source.path = disk.folder / "raw";
    source.format = Format::raw;
  }
  SECTION("qcow2") {
    content.resize(12 << 20);
    write_file(disk.folder / "raw", content);
    shell("qemu-img convert -q -f raw -O qcow2 " + (disk.folder / "raw") + " " +
          (disk.folder / "q"));
    source = source_of(disk.folder / "q", Format::qcow2, content);
  }
  const auto restored = restore_over_device(source, device.path(), {});
  INFO((restored ? "" : restored.error().message()));
  REQUIRE(restored);
  const auto found = device.content();
  CHECK((found.substr(0, content.size()) == content));
  CHECK(found.back() == '\xee');  // behind the disk nothing was touched
  const auto packed = pack(device.path(), disk.folder / "again", {}, {});
  REQUIRE(packed);
  CHECK(packed->virtual_size == 16 << 20);
}

TEST_CASE("device: one that is too small, in use or none is refused untouched", "[imaging]") {
  const PackedDisk disk;
  const LoopDevice device{disk.folder, 8 << 20};
  if (!device.is_there()) return;
  check_error(restore_over_device(disk.source, device.path(), {}), Errc::invalid,
              {device.path(), "8388608 bytes, too few for a disk of 12582916"});
  CHECK((device.content() == std::string(8 << 20, '\xee')));
  const auto file = disk.folder / "raw";
  check_error(restore_over_device(disk.source, file, {}), Errc::invalid, {"no block device"});
  CHECK((read_file(file) == disk.content));
}

TEST_CASE("device: after a failure it holds no disk", "[imaging]") {
  const PackedDisk disk;
  const LoopDevice device{disk.folder, 16 << 20};
  if (!device.is_there()) return;
  disk.flip_byte(3'000'000);
  check_error(restore_over_device(disk.source, device.path(), {}), Errc::invalid, {"damaged"});
  CHECK((device.content().substr(0, 64 << 10) == std::string(64 << 10, '\0')));
}

TEST_CASE("restore: on a filesystem that shares blocks a raw image is cloned and checked",
          "[imaging]") {
  const ScratchFolder folder;
  const auto volume = folder / "volume";
  write_file(volume, "");
  std::filesystem::resize_file(volume, std::uint64_t{512} << 20);
  const auto mounted = folder / "mounted";
  std::filesystem::create_directory(mounted);
  if (std::system(("(mkfs.xfs -q " + volume + " || mkfs.btrfs -q " + volume + ") 2>/dev/null && " +
                   "mount -o loop " + volume + " " + mounted + " 2>/dev/null")
                      .c_str()) != 0) {
    WARN("skipped: cannot make and mount an XFS or Btrfs (needs root and xfsprogs)");
    return;
  }
  const auto content = packed_content();
  write_file(mounted + "/image", content);
  auto source = source_of(mounted + "/image", Format::raw, content);
  const auto restored = restore(source, mounted + "/disk", {});
  source.sha256 = std::string(64, 'a');
  const auto refused = restore(source, mounted + "/other", {});
  const bool is_right = read_file(mounted + "/disk") == content;
  const bool is_left = exists(mounted + "/other") || exists(mounted + "/other.partial");
  ::umount2(mounted.c_str(), MNT_DETACH);
  REQUIRE(restored);
  CHECK(restored->is_clone);
  CHECK(is_right);
  check_error(refused, Errc::invalid, {hash_of(content)});
  CHECK_FALSE(is_left);
}

}  // namespace
}  // namespace holdfast::imaging
