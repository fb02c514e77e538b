// SPDX-License-Identifier: Apache-2.0
#include "imaging/seek_table.hpp"

#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

const std::vector<Frame> two_frames{{0, 0, 100, 65536}, {100, 65536, 50, 4000}};
constexpr std::uint64_t file_size = 150 + 8 + 16 + 9;

void put_32(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
}

TEST_CASE("seek table: what is printed reads back", "[imaging]") {
  const auto bytes = print_seek_table(two_frames);
  REQUIRE(bytes.size() == file_size - 150);
  const auto size = seek_table_size(std::span{bytes}.last(seek_footer_size), file_size, "image");
  REQUIRE(size);
  CHECK(*size == bytes.size());
  const auto table = parse_seek_table(bytes, file_size, "image");
  REQUIRE(table);
  REQUIRE(table->frames.size() == 2);
  CHECK(table->frames[1].file_offset == 100);
  CHECK(table->frames[1].disk_offset == 65536);
  CHECK(table->disk_size == 69536);
  CHECK(table->table_offset == 150);
}

TEST_CASE("seek table: a file without one is no error", "[imaging]") {
  const std::string bytes = "123456789";
  const auto size = seek_table_size(std::as_bytes(std::span{bytes}), 9, "image");
  REQUIRE(size);
  CHECK_FALSE(*size);
  CHECK_FALSE(*seek_table_size({}, 0, "image"));
}

TEST_CASE("seek table: one that lies is refused with its offset", "[imaging]") {
  auto bytes = print_seek_table(two_frames);
  const auto footer = bytes.size() - seek_footer_size;
  SECTION("frames that end elsewhere") {
    put_32(bytes, 8, GENERATE(0U, 99U, 101U, 0xffffffffU));
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid,
                {"image", "offset 150", "frames end at"});
  }
  SECTION("another number of frames") {
    put_32(bytes, footer, GENERATE(0U, 1U));
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {"offset 150"});
  }
  SECTION("more frames than the file can hold") {
    put_32(bytes, footer, GENERATE(3U, 1U << 20));
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {});
  }
  SECTION("frames without end") {
    put_32(bytes, footer, 0xffffffff);
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid,
                {"4294967295 frames", "at most 1048576"});
  }
  SECTION("another magic number") {
    put_32(bytes, 0, 0x184D2A50);
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {"no skippable"});
  }
  SECTION("another size of its frame") {
    put_32(bytes, 4, 0xffffffff);
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {"no skippable"});
  }
  SECTION("reserved bits") {
    bytes[footer + 4] = std::byte{0x04};
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {"reserved"});
  }
  SECTION("cut off") {
    bytes.resize(GENERATE(0U, 9U, 16U));
    check_error(parse_seek_table(bytes, file_size, "image"), Errc::invalid, {"cut off"});
  }
}

}  // namespace
}  // namespace holdfast::imaging
