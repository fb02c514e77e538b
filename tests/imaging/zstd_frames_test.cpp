// SPDX-License-Identifier: Apache-2.0
#include "imaging/zstd_frames.hpp"

#include <algorithm>
#include <cstring>

#include "imaging/posix.hpp"
#include "imaging/zstd.hpp"
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t no_limit = 1 << 30;

std::optional<ZstdFrame> measured(const std::string& file, std::uint64_t offset = 0,
                                  std::uint64_t limit = no_limit) {
  const auto bytes_at = [&file](std::uint64_t at,
                                std::span<std::byte> into) -> Result<std::size_t> {
    const auto text = at < file.size() ? std::string_view{file}.substr(at) : std::string_view{};
    const auto size = std::min(text.size(), into.size());
    if (size > 0) std::memcpy(into.data(), text.data(), size);
    return size;
  };
  const auto found = measure_zstd_frame(bytes_at, offset, file.size(), limit);
  REQUIRE(found);
  return *found;
}

// A frame that does not say how much it holds, as streaming compressors write.
std::string compressed_without_size(std::string_view bytes, bool has_checksum) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, has_checksum ? 1 : 0);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
  ZSTD_freeCCtx(context);
  return out;
}

std::string skippable(std::string_view content) {
  std::string frame{"\x50\x2a\x4d\x18", 4};
  for (unsigned i = 0; i < 4; ++i)
    frame.push_back(static_cast<char>(content.size() >> (8 * i) & 0xff));
  return frame + std::string{content};
}

// Text, random bytes and zeros in turns: every type of block.
std::string mixed_content(std::size_t size, unsigned seed) {
  std::string content;
  for (unsigned i = seed; content.size() < size; ++i) {
    if (i % 3 == 0) content += random_bytes(200'000 + 1000 * i, i);
    if (i % 3 == 1) content += std::string(300'000 + 1000 * i, '\0');
    for (unsigned line = 0; i % 3 == 2 && line < 20'000; ++line)
      content += "line " + std::to_string(line * i) + "\n";
  }
  content.resize(size);
  return content;
}

// As pzstd writes: each frame with its size in a skippable one in front.
std::string in_frames(const std::string& content, std::size_t frame_size, bool says_size) {
  std::string file;
  for (std::size_t at = 0; at < content.size(); at += frame_size) {
    const auto part = content.substr(at, frame_size);
    const auto frame = says_size ? compressed(part) : compressed_without_size(part, true);
    file += skippable("size") + frame;
  }
  return file;
}

struct Read {
  std::string bytes{};
  std::string error{};
};

Read read_all(const std::string& path, const ZstdReading& reading, std::size_t step) {
  const auto file = open_regular(AT_FDCWD, path);
  REQUIRE(file);
  const auto stream = read_zstd(file->get(), "image", reading);
  Read read;
  std::vector<std::byte> buffer(step);
  for (;;) {
    const auto got = stream->read(buffer);
    if (!got) read.error = got.error().message();
    if (!got || *got == 0) return read;
    read.bytes.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

}  // namespace

TEST_CASE("zstd frames: a frame's end and content are found without decompressing it",
          "[imaging]") {
  const auto size =
      GENERATE(as<std::size_t>{}, 0, 1, 255, 256, 65'791, 65'792, 131'072, 131'073, 5'000'000);
  const auto content = mixed_content(size, 3);
  const auto before = skippable("before");
  SECTION("that says how much it holds") {
    const auto frame = compressed(content);
    const auto found = measured(before + frame + "behind", before.size());
    REQUIRE(found);
    CHECK(found->file_offset == before.size());
    CHECK(found->file_size == frame.size());
    CHECK(found->content_size == size);
    CHECK_FALSE(found->is_skippable);
  }
  SECTION("that does not") {
    const auto frame = compressed_without_size(content, GENERATE(true, false));
    const auto found = measured(before + frame + "behind", before.size());
    REQUIRE(found);
    CHECK(found->file_size == frame.size());
    CHECK(found->content_size >= size);
    CHECK(found->content_size <= size + 128 * 1024);
  }
  SECTION("skippable") {
    const auto found = measured(before + "behind");
    REQUIRE(found);
    CHECK(found->is_skippable);
    CHECK(found->file_size == before.size());
    CHECK(found->content_size == 0);
  }
}

TEST_CASE("zstd frames: what is cut off, too large or no frame is left to the stream",
          "[imaging]") {
  const auto frame = compressed_without_size(mixed_content(1 << 20, 3), true);
  REQUIRE(measured(frame));
  for (std::size_t size = 0; size < frame.size(); size += 1 + size / 7) {
    INFO(size);
    CHECK_FALSE(measured(frame.substr(0, size)));
  }
  CHECK_FALSE(measured(frame.substr(0, frame.size() - 1)));
  CHECK_FALSE(measured(frame, 0, 1 << 20));
  CHECK_FALSE(measured(compressed(std::string(2 << 20, 'b')), 0, 1 << 20));
  CHECK_FALSE(measured("no magic here at all"));
  CHECK_FALSE(measured(skippable("cut").substr(0, 9)));
}

TEST_CASE("zstd frames: many at once give what one after another gives", "[imaging]") {
  const ScratchFolder folder;
  const auto step = GENERATE(1U << 20, 77'777U);
  const auto content = mixed_content(6 << 20, 1);
  auto file = in_frames(content, GENERATE(300'000U, 1U << 20, 100U << 20), GENERATE(true, false));
  SECTION("whole") {}
  SECTION("with a large frame between small ones") {
    file += compressed(content) + in_frames(content, 200'000, false);
  }
  SECTION("with frames that hold nothing") {
    file += compressed("") + skippable("") + compressed("") + compressed("end");
  }
  SECTION("cut off") { file.resize(file.size() - GENERATE(1U, 5U, 70'000U)); }
  SECTION("with garbage behind") { file += "garbage"; }
  SECTION("with a flipped bit") {
    auto& byte = file[file.size() / GENERATE(3U, 5U, 7U)];
    byte = static_cast<char>(byte ^ 0x10);
  }
  SECTION("with a size that lies") { file[4] = static_cast<char>(file[4] ^ 1); }
  write_file(folder / "image", file);
  ZstdReading reading;
  reading.threads = 3;
  reading.memory = 4 << 20;
  const auto expected = read_all(folder / "image", {}, step);
  const auto read = read_all(folder / "image", reading, step);
  CHECK(read.error == expected.error);
  CHECK((read.bytes == expected.bytes));
}

TEST_CASE("zstd frames: a disk of them is restored and checked, in little memory as well",
          "[imaging]") {
  const ScratchFolder folder;
  const auto content = mixed_content(20 << 20, 2);
  write_file(folder / "image", in_frames(content, 3 << 20, false));
  const auto source = source_of(folder / "image", Format::raw_zst, content);
  Options options;
  options.memory = GENERATE(as<std::uint64_t>{}, 1 << 20, 16 << 20, 64 << 20);
  options.priority = GENERATE(IoPriority::normal, IoPriority::idle);
  REQUIRE(restore(source, folder / "disk", options));
  CHECK((read_file(folder / "disk") == content));
  REQUIRE(verify(source, options));
}

TEST_CASE("zstd frames: a stop is heeded in a file of nothing but small frames", "[imaging]") {
  const ScratchFolder folder;
  std::string file;
  while (file.size() < 8 << 20) file += skippable("");
  write_file(folder / "image", file);
  const auto opened = open_regular(AT_FDCWD, folder / "image");
  REQUIRE(opened);
  std::stop_source stop;
  stop.request_stop();
  const auto stream =
      read_zstd(opened->get(), "image", {2, 1 << 20, IoPriority::normal, stop.get_token()});
  std::byte byte{};
  check_error(stream->read({&byte, 1}), Errc::unavailable, {"interrupted"});
}

}  // namespace holdfast::imaging
