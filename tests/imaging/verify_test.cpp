// SPDX-License-Identifier: Apache-2.0
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

Source make_image(const ScratchFolder& folder, Format format, const std::string& content) {
  const auto path = folder / "image";
  if (format == Format::raw) write_file(path, content);
  if (format == Format::raw_zst) write_file(path, compressed(content));
  if (format == Format::qcow2) {
    write_file(folder / "raw", content);
    shell("qemu-img convert -q -f raw -O qcow2 " + (folder / "raw") + " " + path);
  }
  return source_of(path, format, content);
}

const auto formats = {Format::raw, Format::raw_zst, Format::qcow2};

TEST_CASE("verify: a good image passes and nothing is written beside it", "[imaging]") {
  const ScratchFolder folder;
  auto content = disk_content();
  content.resize(8 << 20);
  const auto source = make_image(folder, GENERATE(from_range(formats)), content);
  const auto before = std::distance(std::filesystem::directory_iterator{folder.path()}, {});
  CHECK(verify(source, {}));
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path()}, {}) == before);
}

TEST_CASE("verify: other content is found", "[imaging]") {
  const ScratchFolder folder;
  auto source = make_image(folder, GENERATE(from_range(formats)), random_bytes(1 << 20));
  SECTION("the hash") {
    source.sha256 = hash_of("else");
    check_error(verify(source, {}), Errc::invalid, {source.path, hash_of("else")});
  }
  SECTION("the size") {
    source.virtual_size += 512;
    check_error(verify(source, {}), Errc::invalid, {source.path, "1049088"});
  }
}

TEST_CASE("verify: a stop is heeded", "[imaging]") {
  const ScratchFolder folder;
  const auto source = make_image(folder, GENERATE(from_range(formats)), random_bytes(1 << 20));
  std::stop_source stop;
  stop.request_stop();
  Options options;
  options.stop = stop.get_token();
  check_error(verify(source, options), Errc::unavailable, {"interrupted"});
}

}  // namespace
}  // namespace holdfast::imaging
