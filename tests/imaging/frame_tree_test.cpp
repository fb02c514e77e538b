// SPDX-License-Identifier: Apache-2.0
#include "imaging/frame_tree.hpp"

#include "tests/fuzz/properties.hpp"
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

constexpr std::uint64_t frame_size = 64 * 1024;

FrameTree tree_with(std::map<std::uint64_t, Sha256> frames, std::uint64_t size) {
  FrameTree tree{frame_size, std::move(frames), {}};
  tree.root = root_of(tree, size);
  return tree;
}

TEST_CASE("frame tree: the root is what docs/design/imaging.md says, byte by byte", "[imaging]") {
  // From three lines of Python's hashlib and struct, as the page shows them.
  const FrameTree tree{frame_size, {{3, sha256("a")}}, {}};
  CHECK(to_hex(root_of(tree, 5 * frame_size)) ==
        "82bb5b7dee32fe7d1cbb10a5fc870497711fefb0f9122aad086c1d10190d671f");
}

TEST_CASE("frame tree: its text reads back and zeros cost one entry", "[imaging]") {
  const auto size = (std::uint64_t{1} << 50) + 1;  // a frame hash each would be 17 billion
  const auto tree = tree_with({{0, sha256("a")}, {7, sha256("b")}, {1 << 20, sha256("c")}}, size);
  const auto text = to_text(tree, size);
  CHECK(text.frames.size() == 6);
  const auto again = parse_tree(text, size, "image");
  REQUIRE(again);
  CHECK(again->frames == tree.frames);
  CHECK(again->root == tree.root);
}

TEST_CASE("frame tree: anything that was changed is refused", "[imaging]") {
  const std::uint64_t size = 10 * frame_size;
  const auto good = to_text(tree_with({{2, sha256("a")}, {9, sha256("b")}}, size), size);
  REQUIRE(parse_tree(good, size, "image"));
  auto text = good;
  SECTION("another root") {
    text.root = std::string(64, '0');
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"image", text.root, good.root});
  }
  SECTION("another frame") {
    text.frames[1] = std::string(64, 'f');
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"root"});
  }
  SECTION("another place") {
    text.frames = {"zeros:3", text.frames[1], "zeros:5", text.frames[3]};
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"root"});
  }
  SECTION("too few frames") {
    text.frames.pop_back();
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"9 frames", "has 10"});
  }
  SECTION("too many frames") {
    text.frames.push_back("zeros:18446744073709551615");
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"more frames than the 10"});
  }
  SECTION("another size") {
    check_error(parse_tree(text, size - 1, "image"), Errc::invalid, {"root"});
  }
  SECTION("no hash at all") {
    text.frames[1] = GENERATE("", "zeros:", "zeros:0", "zeros:-1", "zeros:1x", "ABCD");
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"no SHA-256"});
  }
  SECTION("frames of an odd size") {
    text.frame_size = GENERATE(0U, 1U, frame_size - 1, 3 * frame_size, 32U << 20);
    check_error(parse_tree(text, size, "image"), Errc::invalid, {"power of two"});
  }
}

TEST_CASE("frame tree and seek table: the fuzz corpus keeps their properties", "[imaging][fuzz]") {
  const std::filesystem::path corpus{HOLDFAST_SOURCE_DIR "/tests/fuzz/corpus"};
  int accepted = 0;
  for (const auto& file : std::filesystem::directory_iterator{corpus}) {
    const auto text = read_file(file.path());
    CAPTURE(file.path().string());
    CHECK(broken_property_of_seek_table(text).empty());
    CHECK(broken_property_of_frame_tree(text).empty());
    CHECK(broken_property_of_packed_image(text).empty());
    CHECK(broken_property_of_zstd_frames(text).empty());
    ++accepted;
  }
  CHECK(accepted > 20);
  std::mt19937 random{20261125};
  for (const auto* const name :
       {"seek-table", "seek-table-checksums", "frame-tree", "packed-image", "zstd-frames"}) {
    const auto text = read_file(corpus / name);
    REQUIRE_FALSE(text.empty());
    for (int i = 0; i < 3000; ++i) {
      auto changed = text;
      for (unsigned n = random() % 4; n < 4; ++n)
        changed[random() % changed.size()] = static_cast<char>(random());
      if (random() % 4 == 0) changed.resize(random() % changed.size());
      CHECK(broken_property_of_seek_table(changed).empty());
      CHECK(broken_property_of_frame_tree(changed).empty());
      if (i % 8 == 0) CHECK(broken_property_of_packed_image(changed).empty());
      if (i % 4 == 0) CHECK(broken_property_of_zstd_frames(changed).empty());
    }
  }
}

}  // namespace
}  // namespace holdfast::imaging
