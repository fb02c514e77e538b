// SPDX-License-Identifier: Apache-2.0
#include "schema/image.hpp"

#include <string>
#include <utility>
#include <vector>

#include "schema/host_config.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

using namespace std::chrono_literals;

namespace holdfast {

TEST_CASE("parse_image: every field reaches its member", "[schema][image]") {
  const std::string hash(64, 'a');
  const auto image = parse_image(
      image_with(image_disk() + "," + image_disk("db"),
                 R"(,"firstBoot":"kernel-cmdline","boot":{"kernel":"vmlinuz","kernelSha256":")" +
                     hash + R"(","initrd":"initrd","initrdSha256":")" + hash +
                     R"(","cmdline":"console=ttyS0"})"),
      "image.json");
  REQUIRE(image);
  Image expected{};
  expected.name = "tiny";
  expected.version = "1.0.0";
  expected.first_boot = FirstBoot::kernel_cmdline;
  const auto disk = [&hash](const std::string& name) {
    return ImageDisk{.name = name,
                     .file = "root.raw",
                     .virtual_size = mebibytes(32),
                     .sha256 = hash,
                     .file_sha256 = hash,
                     .file_size = mebibytes(32)};
  };
  expected.disks = {disk("root"), disk("db")};
  expected.boot = DirectBoot{"vmlinuz", hash, "initrd", hash, "console=ttyS0"};
  CHECK(*image == expected);
  CHECK(parse_image(to_canonical_json(*image), "again.json").value() == expected);
  CHECK(parse_image(to_yaml(*image), "again.yaml").value() == expected);
}

TEST_CASE("parse_image: a frame tree stands beside the hash or in its place", "[schema][image]") {
  const std::string hash(64, 'a');
  const std::string tree = R"("tree":{"frameSize":4194304,"root":")" + hash +
                           R"(","frames":["zeros:3",")" + hash + R"(","zeros:4"]})";
  auto text = image_with(image_disk("root", "," + tree));
  const auto both = parse_image(text, "image.json");
  REQUIRE(both);
  REQUIRE(both->disks[0].tree);
  CHECK(both->disks[0].tree->frame_size == mebibytes(4));
  CHECK(both->disks[0].tree->frames == std::vector<std::string>{"zeros:3", hash, "zeros:4"});
  CHECK(parse_image(to_canonical_json(*both), "again.json").value() == *both);
  const auto whole = R"("sha256":")" + hash + R"(",)";
  text.replace(text.find(whole), whole.size(), "");
  const auto tree_only = parse_image(text, "image.json");
  REQUIRE(tree_only);
  CHECK(tree_only->disks[0].sha256.empty());
  CHECK(parse_image(to_canonical_json(*tree_only), "again.json").value() == *tree_only);
  text.replace(text.find("," + tree), tree.size() + 1, "");
  const auto neither = parse_image(text, "image.json");
  REQUIRE_FALSE(neither);
  CHECK(neither.error().message().find("/spec/disks/0: found neither sha256 nor tree") !=
        std::string::npos);
}

TEST_CASE("parse_image: file names cannot leave the image's directory", "[schema][image]") {
  for (const auto* const name : {"../root.raw", "/etc/passwd", "a/b", "..", ".", ".hidden", "",
                                 "a\\\\b", "a b", "root\\u0000.raw"}) {
    CAPTURE(name);
    auto text = image_with(image_disk());
    text.replace(text.find("root.raw"), 8, name);
    const auto image = parse_image(text, "image.json");
    REQUIRE_FALSE(image);
  }
}

TEST_CASE("parse_image: each rule is refused at its place", "[schema][image][errors]") {
  const std::vector<std::pair<std::string, std::string>> table{
      {image_with(""), "/spec/disks: found an empty list, expected at least 1"},
      {image_with(image_disk("db")), "/spec/disks: found no disk named root"},
      {image_with(image_disk() + "," + image_disk()), "/spec/disks/1: found a second disk root"},
      {image_with(image_disk("root", R"(,"size":1)")), "/spec/disks/0/size: unknown field"},
      {image_with(image_disk(), R"(,"firstBoot":"magic")"), "/spec/firstBoot: found \"magic\""},
      {image_with(image_disk(), R"(,"boot":{"kernel":"k","kernelSha256":"xyz"})"),
       "/spec/boot/kernelSha256: found \"xyz\", expected a SHA-256"},
      {image_with(image_disk(), R"(,"boot":{"kernel":"k","kernelSha256":")" + std::string(64, 'b') +
                                    R"(","initrd":"i"})"),
       "/spec/boot: found one of initrd and initrdSha256"},
      {image_with(image_disk(), R"(,"source":"https://example.org/x")"),
       "/spec/source: unknown field"},
      {image_with(image_disk(), "", "../1"), "/spec/version: found \"../1\""},
  };
  for (const auto& [text, expected] : table) {
    CAPTURE(expected);
    const auto image = parse_image(text, "image.json");
    REQUIRE_FALSE(image);
    CAPTURE(image.error().message());
    CHECK(image.error().message().find("image.json: document 1: " + expected) == 0);
  }
}

TEST_CASE("parse_host_config: bounded settings with defaults", "[schema][hostconfig]") {
  const auto defaults = parse_host_config(host_config_with(""), "h.json").value();
  CHECK(defaults == HostConfig{});
  const auto config =
      parse_host_config(host_config_with(R"("resyncInterval":"5m","workers":8,"logLevel":"debug")"),
                        "h.json")
          .value();
  CHECK(config.resync == 5min);
  CHECK(config.workers == 8);
  CHECK(config.log_level == LogLevel::debug);
  CHECK(parse_host_config(to_canonical_json(config), "again.json").value() == config);
  CHECK(parse_host_config(to_yaml(config), "again.yaml").value() == config);
}

TEST_CASE("parse_host_config: nothing out of bounds and nothing that names a path or the gate",
          "[schema][hostconfig][errors]") {
  for (const auto* const spec :
       {R"("resyncInterval":"999ms")", R"("resyncInterval":"61m")", R"("workers":0)",
        R"("workers":65)", R"("logLevel":"trace")", R"("stateDir":"/tmp")", R"("gate":"off")",
        R"("operators":"x")", R"("blastBudget":100)"}) {
    CAPTURE(spec);
    CHECK_FALSE(parse_host_config(host_config_with(spec), "h.json"));
  }
}

}  // namespace holdfast
