// SPDX-License-Identifier: Apache-2.0
#include <sys/file.h>

#include <algorithm>
#include <chrono>

#include "tests/imaging/image_fixture.hpp"
#include "tests/imaging/packed_fixture.hpp"

namespace holdfast::imaging {
namespace {

// An image of the given content in a streamed format.
Source make_image(const ScratchFolder& folder, Format format, const std::string& content) {
  const auto path = folder / "image";
  write_file(path, format == Format::raw ? content : compressed(content));
  return source_of(path, format, content);
}

void check_nothing_left(const std::string& target) {
  CHECK_FALSE(exists(target));
  CHECK_FALSE(exists(target + ".partial"));
}

TEST_CASE("restore: the target holds the content and its zeros are holes", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();
  const auto source = make_image(folder, GENERATE(Format::raw, Format::raw_zst), content);
  const auto restored = restore(source, folder / "disk", {});
  REQUIRE(restored);
  CHECK(restored->virtual_size == content.size());
  CHECK(restored->data_bytes == (1 << 20) + (64 << 10) + 4);
  CHECK((read_file(folder / "disk") == content));
  CHECK(bytes_on_disk(folder / "disk") < (1 << 20) + (256 << 10));
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("restore: a sparse source is read by its data only", "[imaging]") {
  const ScratchFolder folder;
  const auto path = folder / "image";
  write_file(path, "head");
  constexpr std::uint64_t size = std::uint64_t{64} << 30;  // reading or writing it all would show
  std::filesystem::resize_file(path, size);
  const auto restored = restore({path, Format::raw, size, ""}, folder / "disk", {});
  REQUIRE(restored);
  CHECK(restored->data_bytes == 64 << 10);
  CHECK(std::filesystem::file_size(folder / "disk") == size);
  CHECK(bytes_on_disk(folder / "disk") <= 64 << 10);
}

TEST_CASE("restore: an empty disk and one of zeros work", "[imaging]") {
  const ScratchFolder folder;
  const std::string content(GENERATE(0U, 3U << 20U), '\0');
  const auto source = make_image(folder, GENERATE(Format::raw, Format::raw_zst), content);
  const auto restored = restore(source, folder / "disk", {});
  REQUIRE(restored);
  CHECK(restored->data_bytes == 0);
  CHECK((read_file(folder / "disk") == content));
}

TEST_CASE("restore: several zstd frames are one content", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();
  write_file(folder / "image",
             compressed(content.substr(0, 3 << 20)) + compressed(content.substr(3 << 20)));
  REQUIRE(restore(source_of(folder / "image", Format::raw_zst, content), folder / "disk", {}));
  CHECK((read_file(folder / "disk") == content));
}

TEST_CASE("restore: another hash is refused with both values and nothing stays", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();
  auto source = make_image(folder, GENERATE(Format::raw, Format::raw_zst), content);
  source.sha256 = std::string(64, 'a');
  check_error(restore(source, folder / "disk", {}), Errc::invalid,
              {source.path, std::string(64, 'a'), hash_of(content)});
  check_nothing_left(folder / "disk");
}

TEST_CASE("restore: a flipped bit is found", "[imaging]") {
  const ScratchFolder folder;
  const auto source =
      make_image(folder, GENERATE(Format::raw, Format::raw_zst), random_bytes(1 << 20));
  auto bytes = read_file(source.path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(source.path, bytes);
  check_error(restore(source, folder / "disk", {}), Errc::invalid, {source.path});
  check_nothing_left(folder / "disk");
}

TEST_CASE("restore: a cut zstd file is damaged", "[imaging]") {
  const ScratchFolder folder;
  auto source = make_image(folder, Format::raw_zst, random_bytes(1 << 20));
  const auto bytes = read_file(source.path);
  write_file(source.path, bytes.substr(0, GENERATE(std::size_t{0}, 3U, 7U, 500'000U, 1'048'600U)));
  source.sha256 = GENERATE(std::string{}, hash_of(""));
  check_error(restore(source, folder / "disk", {}), Errc::invalid, {source.path, "damaged"});
  check_nothing_left(folder / "disk");
}

TEST_CASE("restore: what is no zstd or has garbage behind it is damaged", "[imaging]") {
  const ScratchFolder folder;
  const std::string content = "content";
  write_file(folder / "image",
             GENERATE(std::string{"no magic here"}, compressed("content") + "garbage garbage"));
  check_error(restore(source_of(folder / "image", Format::raw_zst, content), folder / "disk", {}),
              Errc::invalid, {folder / "image"});
  check_nothing_left(folder / "disk");
}

TEST_CASE("restore: another size than declared is refused", "[imaging]") {
  const ScratchFolder folder;
  auto source = make_image(folder, GENERATE(Format::raw, Format::raw_zst), disk_content());
  const auto size = source.virtual_size;
  source.virtual_size = GENERATE_COPY(size - 1, size + 1);
  check_error(restore(source, folder / "disk", {}), Errc::invalid,
              {source.path, std::to_string(source.virtual_size)});
  check_nothing_left(folder / "disk");
}

TEST_CASE("restore: a bomb does not grow past the declared size", "[imaging]") {
  const ScratchFolder folder;
  const SmallFilesystem small{folder / "small", 8};
  if (!small.is_mounted()) return;
  // 256 MiB of 'b' in a few KiB; more than 8 MiB of it would be ENOSPC instead of invalid.
  write_file(folder / "image", compressed(std::string(256 << 20, 'b')));
  const Source source{folder / "image", Format::raw_zst, 4 << 20, ""};
  check_error(restore(source, folder / "small/disk", {}), Errc::invalid, {"4194304", "more"});
  check_nothing_left(folder / "small/disk");
}

TEST_CASE("restore: a full disk is exhausted and gets its space back", "[imaging]") {
  const ScratchFolder folder;
  const SmallFilesystem small{folder / "small", 2};
  if (!small.is_mounted()) return;
  SECTION("what an image does not say before is found by writing") {
    const auto source = make_image(folder, Format::raw_zst, random_bytes(4 << 20));
    check_error(restore(source, folder / "small/disk", {}), Errc::exhausted,
                {folder / "small/disk", "offset", "No space left"});
  }
  SECTION("what an image says before is said before anything is written") {
    const auto source = make_image(folder, Format::raw, random_bytes(4 << 20));
    auto options =
        twisted([](const IoRequest& request, IoRequest&, int&) { CHECK_FALSE(request.is_write); });
    check_error(restore(source, folder / "small/disk", options), Errc::exhausted,
                {folder / "small/disk", "4194304 bytes are needed", " are free"});
  }
  check_nothing_left(folder / "small/disk");
  CHECK(std::filesystem::space(folder / "small").free > (2 << 20) - (64 << 10));
}

TEST_CASE("restore: zeros that are written out in an image need no room", "[imaging]") {
  const ScratchFolder folder;
  const SmallFilesystem small{folder / "small", 2};
  if (!small.is_mounted()) return;
  const auto content = random_bytes(1 << 20) + std::string(4 << 20, '\0');
  const auto source = make_image(folder, Format::raw, content);
  REQUIRE(restore(source, folder / "small/disk", {}));
  CHECK((read_file(folder / "small/disk") == content));
}

TEST_CASE("restore: a target that exists is a conflict and stays as it is", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_image(folder, Format::raw, "new");
  SECTION("a file") {
    write_file(folder / "disk", "a customer's data");
    check_error(restore(source, folder / "disk", {}), Errc::conflict, {folder / "disk"});
    CHECK(read_file(folder / "disk") == "a customer's data");
  }
  SECTION("a dangling link") {
    std::filesystem::create_symlink("nowhere", folder / "disk");
    check_error(restore(source, folder / "disk", {}), Errc::conflict, {folder / "disk"});
    CHECK_FALSE(exists(folder / "nowhere"));
  }
}

TEST_CASE("restore: a target that appears meanwhile is not replaced", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_image(folder, Format::raw, disk_content());
  Options options;
  options.on_progress = [&](const Progress&) { write_file(folder / "disk", "somebody's data"); };
  check_error(restore(source, folder / "disk", options), Errc::conflict, {folder / "disk"});
  CHECK(read_file(folder / "disk") == "somebody's data");
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("restore: what a killed process left is started over", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_image(folder, Format::raw, "short");
  SECTION("a longer partial file") { write_file(folder / "disk.partial", std::string(9999, 'p')); }
  SECTION("a folder") { std::filesystem::create_directory(folder / "disk.partial"); }
  SECTION("a link to something precious") {
    write_file(folder / "precious", "data");
    std::filesystem::create_symlink("precious", folder / "disk.partial");
  }
  REQUIRE(restore(source, folder / "disk", {}));
  CHECK(read_file(folder / "disk") == "short");
  CHECK_FALSE(exists(folder / "disk.partial"));
  if (exists(folder / "precious")) CHECK(read_file(folder / "precious") == "data");
}

TEST_CASE("restore: a process killed in the middle leaves no target", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();
  const auto source = make_image(folder, Format::raw_zst, content);
  const auto long_one = folder / "long";  // data first, then far more zeros than are hashed in time
  write_file(long_one, content);
  std::filesystem::resize_file(long_one, std::uint64_t{64} << 30);
  const auto child = ::fork();
  if (child == 0) {
    Options options;
    options.on_progress = [](const Progress& progress) {
      if (progress.done > 8 << 20) ::raise(SIGKILL);
    };
    const Source endless{long_one, Format::raw, std::uint64_t{64} << 30, std::string(64, 'a')};
    static_cast<void>(restore(endless, folder / "disk", options));
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK_FALSE(exists(folder / "disk"));
  CHECK(std::filesystem::file_size(folder / "disk.partial") > 0);
  REQUIRE(restore(source, folder / "disk", {}));
  CHECK((read_file(folder / "disk") == content));
  CHECK_FALSE(exists(folder / "disk.partial"));
}

TEST_CASE("restore: two at once to one target do not mix", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_image(folder, Format::raw, disk_content());
  Options options;
  bool asked = false;
  options.on_progress = [&](const Progress&) {
    if (asked) return;
    asked = true;
    check_error(restore(source, folder / "disk", {}), Errc::conflict,
                {"written by another process"});
  };
  REQUIRE(restore(source, folder / "disk", options));
  CHECK(asked);
  CHECK((read_file(folder / "disk") == disk_content()));
}

TEST_CASE("restore: a stop in the middle is heeded and nothing stays", "[imaging]") {
  const ScratchFolder folder;
  const auto format = GENERATE(Format::raw, Format::raw_zst);
  // Long if it were not stopped: 64 GiB of zeros to hash, or 256 MiB of data to unpack.
  const Source source{folder / "image", format, std::uint64_t{64} << 30, std::string(64, 'a')};
  write_file(source.path, format == Format::raw ? "x" : compressed(std::string(256 << 20, 'b')));
  if (format == Format::raw) std::filesystem::resize_file(source.path, source.virtual_size);
  auto fastest = std::chrono::steady_clock::duration::max();
  for (int attempt = 0; attempt < 5; ++attempt) {  // a busy machine may spoil some
    std::stop_source stop;
    auto stopped = std::chrono::steady_clock::now();
    Options options;
    options.stop = stop.get_token();
    options.on_progress = [&](const Progress& progress) {
      if (progress.done == 0 || stop.stop_requested()) return;
      stopped = std::chrono::steady_clock::now();
      stop.request_stop();
    };
    check_error(restore(source, folder / "disk", options), Errc::unavailable, {"interrupted"});
    fastest = std::min(fastest, std::chrono::steady_clock::now() - stopped);
    REQUIRE(stop.stop_requested());
    check_nothing_left(folder / "disk");
  }
  CHECK(fastest < std::chrono::milliseconds{100});
}

TEST_CASE("restore: progress grows to the end and comes in moderation", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();
  const auto source = make_image(folder, GENERATE(Format::raw, Format::raw_zst), content);
  std::vector<Progress> seen;
  Options options;
  options.on_progress = [&](const Progress& progress) { seen.push_back(progress); };
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(restore(source, folder / "disk", options));
  const auto tenths = (std::chrono::steady_clock::now() - start) / std::chrono::milliseconds{100};
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.back().done == content.size());
  CHECK(static_cast<long>(seen.size()) <= tenths + 2);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].total == content.size());
    if (i > 0) CHECK(seen[i].done >= seen[i - 1].done);
  }
}

TEST_CASE("restore: what cannot be an image is refused", "[imaging]") {
  const ScratchFolder folder;
  write_file(folder / "image", "x");
  Source source{folder / "image", Format::raw, 1, ""};
  SECTION("no such image") {
    source.path = folder / "none";
    check_error(restore(source, folder / "disk", {}), Errc::not_found, {folder / "none"});
  }
  SECTION("no folder for the target") {
    check_error(restore(source, folder / "none/disk", {}), Errc::not_found, {folder / "none"});
  }
  SECTION("a link") {
    std::filesystem::create_symlink("image", folder / "link");
    source.path = folder / "link";
    check_error(restore(source, folder / "disk", {}), Errc::invalid, {"link"});
  }
  SECTION("a folder") {
    source.path = folder.path();
    check_error(restore(source, folder / "disk", {}), Errc::invalid, {"not a regular file"});
  }
  SECTION("a FIFO") {
    source.path = folder / "fifo";
    REQUIRE(::mkfifo(source.path.c_str(), 0600) == 0);
    check_error(restore(source, folder / "disk", {}), Errc::invalid, {"not a regular file"});
  }
  SECTION("a hash in capitals") {
    source.sha256 = std::string(64, 'A');
    check_error(restore(source, folder / "disk", {}), Errc::invalid, {"64 lower-case hex"});
  }
  check_nothing_left(folder / "disk");
}

}  // namespace
}  // namespace holdfast::imaging
