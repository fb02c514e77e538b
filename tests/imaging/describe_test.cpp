// SPDX-License-Identifier: Apache-2.0
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

TEST_CASE("describe: formats are known by their magic", "[imaging]") {
  const ScratchFolder folder;
  const auto content = disk_content();

  write_file(folder / "raw", content);
  const auto raw = describe(folder / "raw");
  REQUIRE(raw);
  CHECK(raw->format == Format::raw);
  CHECK(raw->virtual_size == content.size());
  CHECK(raw->file_size == content.size());

  write_file(folder / "zst", compressed(content));
  const auto zst = describe(folder / "zst");
  REQUIRE(zst);
  CHECK(zst->format == Format::raw_zst);
  CHECK(zst->virtual_size == content.size());
  CHECK(zst->file_size == std::filesystem::file_size(folder / "zst"));

  shell("qemu-img create -q -f qcow2 " + (folder / "qcow2") + " 3G");
  const auto qcow2 = describe(folder / "qcow2");
  REQUIRE(qcow2);
  CHECK(qcow2->format == Format::qcow2);
  CHECK(qcow2->virtual_size == std::uint64_t{3} << 30);
}

TEST_CASE("describe: a zstd stream that does not say has no virtual size", "[imaging]") {
  const ScratchFolder folder;
  // Frame header descriptor 0: no content size; window descriptor; one empty last block.
  write_file(folder / "zst", std::string("\x28\xb5\x2f\xfd\x00\x58\x01\x00\x00", 9));
  const auto info = describe(folder / "zst");
  REQUIRE(info);
  CHECK(info->format == Format::raw_zst);
  CHECK_FALSE(info->virtual_size);
}

TEST_CASE("describe: short and odd files do not confuse it", "[imaging]") {
  const ScratchFolder folder;
  for (const std::string bytes : {"", "Q", "QFI", "abc", "\x28\xb5"}) {
    write_file(folder / "file", bytes);
    const auto info = describe(folder / "file");
    REQUIRE(info);
    CHECK(info->format == Format::raw);
    CHECK(info->virtual_size == bytes.size());
  }
  write_file(folder / "file", "QFI\xfb");
  check_error(describe(folder / "file"), Errc::invalid, {"cut off"});
  write_file(folder / "file", "\x28\xb5\x2f\xfd");
  check_error(describe(folder / "file"), Errc::invalid, {"damaged"});
  check_error(describe(folder / "none"), Errc::not_found, {"none"});
}

TEST_CASE("format: names and values go both ways", "[imaging]") {
  for (const auto format : {Format::raw, Format::raw_zst, Format::qcow2})
    CHECK(format_from_string(to_string(format)) == format);
  CHECK_FALSE(format_from_string("vmdk"));
}

}  // namespace
}  // namespace holdfast::imaging
