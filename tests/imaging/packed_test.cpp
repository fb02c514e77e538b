// SPDX-License-Identifier: Apache-2.0
#include "imaging/range.hpp"
#include "imaging/seek_table.hpp"
#include "tests/imaging/packed_fixture.hpp"

namespace holdfast::imaging {
namespace {

TEST_CASE("pack: any zstd reads it, and the manifest's numbers are the file's", "[imaging]") {
  const PackedDisk disk;
  shell("zstd -q -t " + disk.source.path + " && zstd -q -d " + disk.source.path + " -o " +
        (disk.folder / "by-zstd"));
  CHECK((read_file(disk.folder / "by-zstd") == disk.content));
  const auto bytes = read_file(disk.source.path);
  CHECK(disk.packed.file_size == bytes.size());
  CHECK(disk.packed.file_sha256 == hash_of(bytes));
  CHECK(disk.packed.virtual_size == disk.content.size());
  const auto info = describe(disk.source.path);
  REQUIRE(info);
  CHECK(info->frames == frame_count(disk.content.size(), small_frame));
  CHECK(info->virtual_size == disk.content.size());
  CHECK_FALSE(exists(disk.source.path + ".partial"));
}

TEST_CASE("pack: the tree is that of the content, with nothing for zeros", "[imaging]") {
  const PackedDisk disk;
  FrameTree expected{small_frame, {}, {}};
  for (std::size_t at = 0; at < disk.content.size(); at += small_frame) {
    const auto frame = disk.content.substr(at, small_frame);
    if (frame.find_first_not_of('\0') != std::string::npos)
      expected.frames[at / small_frame] = sha256(frame);
  }
  CHECK(disk.packed.tree.frames == expected.frames);
  CHECK(disk.packed.tree.root == root_of(expected, disk.content.size()));
}

TEST_CASE("pack: a disk of holes, an empty one and a qcow2 work", "[imaging]") {
  const ScratchFolder folder;
  PackSettings settings;
  settings.finds_long_matches = true;
  SECTION("much of nothing") {
    write_file(folder / "raw", "");
    std::filesystem::resize_file(folder / "raw", (std::uint64_t{1} << 36) + 1);
    const auto packed = pack(folder / "raw", folder / "image", settings, {});
    REQUIRE(packed);
    CHECK(packed->data_bytes == 0);
    const Source source{folder / "image", Format::raw_zst, packed->virtual_size, "", packed->tree};
    REQUIRE(restore(source, folder / "disk", {}));
    CHECK(std::filesystem::file_size(folder / "disk") == packed->virtual_size);
    CHECK(bytes_on_disk(folder / "disk") == 0);
  }
  SECTION("nothing") {
    write_file(folder / "raw", "");
    const auto packed = pack(folder / "raw", folder / "image", settings, {});
    REQUIRE(packed);
    const Source source{folder / "image", Format::raw_zst, 0, "", packed->tree};
    REQUIRE(restore(source, folder / "disk", {}));
    CHECK(std::filesystem::file_size(folder / "disk") == 0);
  }
  SECTION("qcow2") {
    auto content = packed_content();
    content.resize(12 << 20);
    write_file(folder / "raw", content);
    shell("qemu-img convert -q -f raw -O qcow2 " + (folder / "raw") + " " + (folder / "q"));
    const auto packed = pack(folder / "q", folder / "image", settings, {});
    REQUIRE(packed);
    const Source source{folder / "image", Format::raw_zst, content.size(), "", packed->tree};
    REQUIRE(restore(source, folder / "disk", {}));
    CHECK((read_file(folder / "disk") == content));
  }
}

TEST_CASE("pack: what cannot be packed is refused and leaves nothing", "[imaging]") {
  const ScratchFolder folder;
  write_file(folder / "raw", packed_content());
  PackSettings settings;
  SECTION("a level out of range") {
    settings.level = GENERATE(0, 20);
    check_error(pack(folder / "raw", folder / "image", settings, {}), Errc::invalid, {"1 to 19"});
  }
  SECTION("an odd frame size") {
    settings.frame_size = GENERATE(0U, 4096U, 100'000U, 32U << 20);
    check_error(pack(folder / "raw", folder / "image", settings, {}), Errc::invalid,
                {"power of two"});
  }
  SECTION("a link") {
    std::filesystem::create_symlink("raw", folder / "link");
    check_error(pack(folder / "link", folder / "image", settings, {}), Errc::invalid, {"link"});
  }
  SECTION("a disk that changes meanwhile") {
    auto options = twisted([&](const IoRequest& request, IoRequest&, int&) {
      if (request.is_write) write_file(folder / "raw", "other");
    });
    check_error(pack(folder / "raw", folder / "image", settings, options), Errc::conflict,
                {folder / "raw", "changed while it was read"});
  }
  SECTION("a full disk") {
    const SmallFilesystem small{folder / "small", 1};
    if (!small.is_mounted()) return;
    check_error(pack(folder / "raw", folder / "small/image", settings, {}), Errc::exhausted,
                {"small/image.partial at offset"});
    CHECK_FALSE(exists(folder / "small/image.partial"));
  }
  CHECK_FALSE(exists(folder / "image"));
  CHECK_FALSE(exists(folder / "image.partial"));
}

TEST_CASE("restore: a packed disk comes back, by io_uring, by threads and little by little",
          "[imaging]") {
  const auto frame_size = GENERATE(as<std::uint64_t>{}, 256 << 10, 4 << 20);
  const PackedDisk disk{frame_size};
  Options options;
  options.io = GENERATE(IoKind::automatic, IoKind::threads);
  options.priority = GENERATE(IoPriority::normal, IoPriority::idle);
  options.threads = GENERATE(1U, 3U);
  const bool is_twisted = GENERATE(false, true);
  if (is_twisted) {
    std::size_t count = 0;
    auto twist = twisted([count](const IoRequest&, IoRequest& asked, int& failure) mutable {
      if (++count % 3 == 0) failure = EINTR;
      if (count % 2 == 0 && asked.bytes.size() > 8192) asked.bytes = asked.bytes.first(4096);
    });
    options.decorate_io = twist.decorate_io;
  }
  const auto restored = restore(disk.source, disk.target(), options);
  INFO((restored ? "" : restored.error().message()));
  REQUIRE(restored);
  CHECK((read_file(disk.target()) == disk.content));
  CHECK(bytes_on_disk(disk.target()) < (7 << 20));
  CHECK(restored->kept_bytes == 0);
  CHECK(verify(disk.source, options));
  const Source written{disk.target(), Format::raw, disk.content.size(), "", disk.packed.tree};
  CHECK(verify(written, options));
}

TEST_CASE("restore: every other zstd file is checked by the tree as well", "[imaging]") {
  const PackedDisk disk;
  auto source = disk.source;
  source.path = disk.folder / "other";
  SECTION("one frame") { write_file(source.path, compressed(disk.content)); }
  SECTION("frames of another size") {
    write_file(source.path, compressed(disk.content.substr(0, 5'000'001)) +
                                compressed(disk.content.substr(5'000'001)));
  }
  SECTION("a seek table of another size") {
    const auto first = compressed(disk.content.substr(0, 5'000'001));
    const auto second = compressed(disk.content.substr(5'000'001));
    const auto table = print_seek_table(
        std::vector<Frame>{{0, 0, static_cast<std::uint32_t>(first.size()), 5'000'001},
                           {0, 0, static_cast<std::uint32_t>(second.size()),
                            static_cast<std::uint32_t>(disk.content.size() - 5'000'001)}});
    write_file(
        source.path,
        first + second + std::string{reinterpret_cast<const char*>(table.data()), table.size()});
    // Without a tree its frames can still be read apart, at odd offsets.
    auto treeless = source;
    treeless.tree.reset();
    treeless.sha256 = GENERATE(false, true) ? hash_of(disk.content) : "";
    REQUIRE(restore(treeless, disk.folder / "treeless", {}));
    CHECK((read_file(disk.folder / "treeless") == disk.content));
  }
  REQUIRE(restore(source, disk.target(), {}));
  CHECK((read_file(disk.target()) == disk.content));
  auto bytes = disk.content;
  bytes[9 << 20] ^= 1;
  write_file(source.path, compressed(bytes));
  check_error(restore(source, disk.folder / "bad", {}), Errc::invalid,
              {"bytes 9437184 to 9699328", "expected SHA-256"});
}

TEST_CASE("restore: a flipped bit anywhere is named with its offsets and nothing stays",
          "[imaging]") {
  const PackedDisk disk;
  const auto table = describe(disk.source.path);
  const auto size = disk.packed.file_size;
  SECTION("in a frame of data") {
    disk.flip_byte(GENERATE(5U, 100'000U, 2'000'000U, 3'100'000U));
    check_error(restore(disk.source, disk.target(), {}), Errc::invalid,
                {disk.source.path, "damaged", "of the disk", "frame at offset"});
    check_error(verify(disk.source, {}), Errc::invalid, {"frame at offset"});
  }
  SECTION("in the seek table") {
    disk.flip_byte(GENERATE_COPY(size - 1, size - 5, size - 20, size - 60));
    const auto restored = restore(disk.source, disk.target(), {});
    // Without its magic number it is no table any more, and the file is read as a stream.
    if (!restored) CHECK(to_string(restored.error().code()) == to_string(Errc::invalid));
    if (restored) CHECK((read_file(disk.target()) == disk.content));
    if (restored) std::filesystem::remove(disk.target());
  }
  disk.check_nothing_left();
}

TEST_CASE("restore: of two damaged frames the foremost is named", "[imaging]") {
  const PackedDisk disk;
  disk.flip_byte(2'500'000);
  disk.flip_byte(600'000);
  for (int i = 0; i < 5; ++i)
    check_error(verify(disk.source, {}), Errc::invalid, {"bytes 524288 to 786432 of the disk"});
}

TEST_CASE("restore: a cut packed file is damaged", "[imaging]") {
  const PackedDisk disk;
  const auto bytes = read_file(disk.source.path);
  const auto size = GENERATE_COPY(std::size_t{0}, std::size_t{9}, bytes.size() / 2,
                                  bytes.size() - 9, bytes.size() - 1);
  write_file(disk.source.path, bytes.substr(0, size));
  const auto restored = restore(disk.source, disk.target(), {});
  // The table alone may be gone: what is left is all of the content.
  const bool is_whole = size >= bytes.size() - 9;
  if (!is_whole) check_error(restored, Errc::invalid, {disk.source.path});
  if (restored) CHECK((read_file(disk.target()) == disk.content));
  if (restored) std::filesystem::remove(disk.target());
  disk.check_nothing_left();
}

TEST_CASE("restore: another tree or size is refused before anything is written", "[imaging]") {
  const PackedDisk disk;
  auto source = disk.source;
  SECTION("another root") {
    source.tree->root = Sha256{};
    check_error(restore(source, disk.target(), {}), Errc::invalid, {"root"});
  }
  SECTION("the tree of another disk") {
    source.tree->frames.begin()->second = sha256("x");
    source.tree->root = root_of(*source.tree, source.virtual_size);
    check_error(restore(source, disk.target(), {}), Errc::invalid,
                {"bytes 0 to 262144", "expected SHA-256", to_hex(sha256("x"))});
  }
  SECTION("a frame that should be zeros") {
    source.tree->frames.erase(source.tree->frames.begin());
    source.tree->root = root_of(*source.tree, source.virtual_size);
    check_error(verify(source, {}), Errc::invalid, {"expected zeros"});
    // A restore leaves the zeros that the tree promises, whatever the file has there.
    REQUIRE(restore(source, disk.target(), {}));
    CHECK(read_file(disk.target()).substr(0, small_frame) == std::string(small_frame, '\0'));
    std::filesystem::remove(disk.target());
  }
  SECTION("data where the tree has zeros, and the other way round") {
    source.tree->frames[20] = sha256("y");
    source.tree->root = root_of(*source.tree, source.virtual_size);
    check_error(restore(source, disk.target(), {}), Errc::invalid, {to_hex(sha256("y"))});
  }
  SECTION("another size") {
    source.virtual_size += 512;
    source.tree->root = root_of(*source.tree, source.virtual_size);
    check_error(restore(source, disk.target(), {}), Errc::invalid,
                {std::to_string(source.virtual_size), std::to_string(disk.content.size())});
  }
  disk.check_nothing_left();
}

TEST_CASE("restore: a seek table that lies about its frames is refused", "[imaging]") {
  const PackedDisk disk;
  auto source = disk.source;
  source.tree.reset();
  const auto frame = compressed(std::string(100'000, 'a'));
  const auto size = static_cast<std::uint32_t>(frame.size());
  std::vector<Frame> frames{{0, 0, size, 100'000}, {0, 0, size, 100'000}};
  SECTION("a frame with less content") { frames[1].disk_size = 200'000; }
  SECTION("a frame with more content") { frames[1].disk_size = 50'000; }
  SECTION("frames that begin elsewhere") {
    frames[0].file_size -= 1;
    frames[1].file_size += 1;
  }
  SECTION("a frame without bytes") {
    frames[0].file_size = 0;
    frames[1].file_size = 2 * size;
  }
  const auto table = print_seek_table(frames);
  write_file(
      source.path,
      frame + frame + std::string{reinterpret_cast<const char*>(table.data()), table.size()});
  source.virtual_size = frames[0].disk_size + frames[1].disk_size;
  check_error(restore(source, disk.target(), {}), Errc::invalid, {source.path, "damaged"});
  disk.check_nothing_left();
}

TEST_CASE("restore: a petabyte that an image declares costs nothing", "[imaging]") {
  const ScratchFolder folder;
  constexpr std::uint64_t size = std::uint64_t{1} << 50;
  SECTION("and more than the filesystem can hold is said so at once") {
    write_file(folder / "image", compressed("x"));
    const Source source{folder / "image", Format::raw_zst, size, ""};
    const auto restored = restore(source, folder / "disk", {});
    // Where files can be that large, the end of the content is what is wrong.
    check_error(restored, Errc::invalid, {std::to_string(size)});
  }
  SECTION("by a seek table of huge frames") {
    const auto frame = compressed("x");
    std::vector<Frame> frames(262'144, Frame{0, 0, 0, 0xffffffff});
    frames[0].file_size = static_cast<std::uint32_t>(frame.size());
    const auto table = print_seek_table(frames);
    write_file(folder / "image",
               frame + std::string{reinterpret_cast<const char*>(table.data()), table.size()});
    const Source source{folder / "image", Format::raw_zst, 262'144 * 0xffffffffULL, ""};
    check_error(restore(source, folder / "disk", {}), Errc::invalid, {});
  }
  CHECK_FALSE(exists(folder / "disk"));
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("range: exactly the bytes asked for come, checked, and no other frame is read",
          "[imaging]") {
  const PackedDisk disk;
  auto source = disk.source;
  SECTION("packed") {}
  SECTION("raw") {
    source.path = disk.folder / "raw";
    source.format = Format::raw;
  }
  SECTION("one zstd frame") {
    source.path = disk.folder / "single";
    write_file(source.path, compressed(disk.content));
  }
  const std::uint64_t end = disk.content.size();
  const auto [offset, size] =
      GENERATE_COPY(table<std::uint64_t, std::uint64_t>({{0, 10},
                                                         {0, end},
                                                         {262'143, 2},
                                                         {2'999'990, 4'000'000},
                                                         {5'000'000, 1'000'000},
                                                         {end - 3, 100},
                                                         {end, 5},
                                                         {7, 0}}));
  CAPTURE(offset, size);
  std::string found;
  const auto read =
      read_range(source, {offset, size},
                 [&](std::span<const std::byte> bytes) -> Result<void> {
                   found.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                   return ok();
                 },
                 {});
  INFO((read ? "" : read.error().message()));
  REQUIRE(read);
  CHECK((found == disk.content.substr(offset, size)));
}

TEST_CASE("range: damage elsewhere does not matter, damage inside is not handed out", "[imaging]") {
  const PackedDisk disk;
  disk.flip_byte(1'000'000);
  std::uint64_t seen = 0;
  const auto sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    seen += bytes.size();
    return ok();
  };
  CHECK(read_range(disk.source, {9 << 20, 1 << 20}, sink, {}));
  CHECK(seen == 1 << 20);
  seen = 0;
  check_error(read_range(disk.source, {786'432, 1 << 20}, sink, {}), Errc::invalid,
              {"bytes 786432 to 1048576"});
  CHECK(seen == 0);
  check_error(read_range(disk.source, {disk.content.size() + 1, 1}, sink, {}), Errc::invalid,
              {"lies behind"});
  const auto refusing = [](std::span<const std::byte>) -> Result<void> {
    return Error{Errc::unavailable, "the reader went away"};
  };
  check_error(read_range(disk.source, {9 << 20, 1 << 20}, refusing, {}), Errc::unavailable,
              {"went away"});
}

}  // namespace
}  // namespace holdfast::imaging
