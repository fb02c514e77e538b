// SPDX-License-Identifier: Apache-2.0
#include "imaging/bundle.hpp"

#include <archive.h>
#include <archive_entry.h>

#include "base/handle.hpp"
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

const std::string manifest = R"({"name": "tiny"})";

// A golden image as a folder: manifest, a sparse disk, and a small file.
struct Golden {
  ScratchFolder folder{};
  std::string disk = disk_content();
  std::string kernel = random_bytes(5000, 3);

  Golden() {
    std::filesystem::create_directory(path());
    write_file(path() + "/image.json", manifest);
    write_file(path() + "/root.raw", disk);
    write_file(path() + "/vmlinuz", kernel);
    write_file(path() + "/NOTES", "not named by the manifest");
  }
  std::string path() const { return folder / "golden"; }
  std::string store() const { return folder / "store"; }
  std::string target() const { return store() + "/tiny/1.0"; }
  Bundle bundle() const {
    return {manifest, {{"root.raw", disk.size(), hash_of(disk)}, {"vmlinuz", {}, hash_of(kernel)}}};
  }
};

void check_imported(const Golden& golden) {
  CHECK(read_file(golden.target() + "/image.json") == manifest);
  CHECK((read_file(golden.target() + "/root.raw") == golden.disk));
  CHECK((read_file(golden.target() + "/vmlinuz") == golden.kernel));
  CHECK_FALSE(exists(golden.target() + "/NOTES"));
  CHECK_FALSE(exists(golden.target() + ".partial"));
  CHECK(bytes_on_disk(golden.target() + "/root.raw") < (1 << 20) + (256 << 10));
}

void check_not_imported(const Golden& golden) {
  CHECK_FALSE(exists(golden.target()));
  CHECK_FALSE(exists(golden.target() + ".partial"));
}

// A tar archive of what the stock tools would never write.
class EvilTar {
 public:
  explicit EvilTar(const std::string& path) : archive_{archive_write_new()} {
    archive_write_set_format_pax(archive_.get());
    REQUIRE(archive_write_open_filename(archive_.get(), path.c_str()) == ARCHIVE_OK);
    add("image.json", AE_IFREG, manifest);
  }
  void add(const std::string& name, unsigned type, const std::string& content) {
    const Handle<archive_entry, archive_entry_free> entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_filetype(entry.get(), type);
    if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), content.c_str());
    if (type == AE_IFREG)
      archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    REQUIRE(archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK);
    if (type == AE_IFREG)
      REQUIRE(archive_write_data(archive_.get(), content.data(), content.size()) ==
              static_cast<la_ssize_t>(content.size()));
  }
  void add_hard_link(const std::string& name, const std::string& to) {
    const Handle<archive_entry, archive_entry_free> entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_hardlink(entry.get(), to.c_str());
    REQUIRE(archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK);
  }
  void finish() { archive_.reset(); }

 private:
  Handle<archive, archive_write_free> archive_;
};

TEST_CASE("bundle: folders and archives of every kind import alike", "[imaging]") {
  const Golden golden;
  auto path = golden.path();
  SECTION("a folder") {}
  SECTION("tar with one folder") {
    path = golden.folder / "a.tar";
    shell("tar -C " + golden.folder.path() + " -cf " + path + " golden");
  }
  SECTION("tar.gz of the folder's inside") {
    path = golden.folder / "a.tar.gz";
    shell("tar -C " + golden.path() + " -czf " + path + " .");
  }
  SECTION("tar.zst with bare names") {
    path = golden.folder / "a.tar.zst";
    shell("cd " + golden.path() + " && tar --sparse --zstd -cf " + path + " *");
  }
  const auto read = read_manifest(path);
  REQUIRE(read);
  CHECK(*read == manifest);
  const auto imported = import_files(path, golden.bundle(), golden.target(), {});
  INFO((imported ? "" : imported.error().message()));
  REQUIRE(imported);
  check_imported(golden);
  CHECK(verify_files(golden.target(), golden.bundle().files, {}));
}

TEST_CASE("bundle: an import over an existing one is a conflict", "[imaging]") {
  const Golden golden;
  std::filesystem::create_directories(golden.target());
  write_file(golden.target() + "/root.raw", "older");
  check_error(import_files(golden.path(), golden.bundle(), golden.target(), {}), Errc::conflict,
              {golden.target()});
  CHECK(read_file(golden.target() + "/root.raw") == "older");
}

TEST_CASE("bundle: what a killed import left is started over", "[imaging]") {
  const Golden golden;
  std::filesystem::create_directories(golden.target() + ".partial/deep");
  write_file(golden.target() + ".partial/root.raw", "half");
  write_file(golden.folder / "precious", "data");
  std::filesystem::create_symlink(golden.folder / "precious", golden.target() + ".partial/vmlinuz");
  REQUIRE(import_files(golden.path(), golden.bundle(), golden.target(), {}));
  check_imported(golden);
  CHECK_FALSE(exists(golden.target() + "/deep"));
  CHECK(read_file(golden.folder / "precious") == "data");
}

TEST_CASE("bundle: wrong content is refused and nothing stays", "[imaging]") {
  const Golden golden;
  auto path = golden.path();
  if (GENERATE(false, true)) {
    path = golden.folder / "a.tar";
    shell("tar -C " + golden.folder.path() + " -cf " + path + " golden");
  }
  auto bundle = golden.bundle();
  auto code = Errc::invalid;
  std::string word;
  SECTION("a hash") { bundle.files[1].sha256 = word = hash_of("else"); }
  SECTION("a smaller size") {
    bundle.files[0].size = 100;
    word = "expected 100 bytes";
  }
  SECTION("a larger size") {
    bundle.files[0].size = 10 << 20;
    word = "expected 10485760 bytes";
  }
  SECTION("a file that is not there") {
    bundle.files.push_back({"initrd", {}, hash_of("")});
    word = "initrd";
    code = Errc::not_found;
  }
  SECTION("no hash") {
    bundle.files[1].sha256 = "";
    word = "vmlinuz";
  }
  SECTION("a name twice") {
    bundle.files.push_back(bundle.files[0]);
    word = "twice";
  }
  SECTION("the manifest's own name") {
    bundle.files[0].name = "image.json";
    word = "twice";
  }
  check_error(import_files(path, bundle, golden.target(), {}), code, {word});
  check_not_imported(golden);
}

TEST_CASE("bundle: file names that lead elsewhere are refused", "[imaging]") {
  const Golden golden;
  auto bundle = golden.bundle();
  bundle.files[0].name = GENERATE("", ".", "..", "../golden/root.raw", "/etc/passwd", "a/b",
                                  ".hidden", "sp ace", "new\nline");
  check_error(import_files(golden.path(), bundle, golden.target(), {}), Errc::invalid,
              {"cannot be a file"});
  check_error(verify_files(golden.path(), bundle.files, {}), Errc::invalid, {"cannot be a file"});
  check_not_imported(golden);
}

TEST_CASE("bundle: links in a folder are not followed", "[imaging]") {
  const Golden golden;
  write_file(golden.folder / "secret", golden.kernel);
  std::filesystem::remove(golden.path() + "/vmlinuz");
  std::filesystem::create_symlink("../secret", golden.path() + "/vmlinuz");
  check_error(import_files(golden.path(), golden.bundle(), golden.target(), {}), Errc::invalid,
              {"vmlinuz", "link"});
  check_not_imported(golden);
  check_error(verify_files(golden.path(), golden.bundle().files, {}), Errc::invalid, {"link"});

  std::filesystem::remove(golden.path() + "/image.json");
  std::filesystem::create_symlink("../secret", golden.path() + "/image.json");
  check_error(read_manifest(golden.path()), Errc::invalid, {"link"});
}

TEST_CASE("bundle: unsafe archives are refused as a whole", "[imaging]") {
  const Golden golden;
  const auto path = golden.folder / "evil.tar";
  std::string word;
  {
    EvilTar tar{path};
    tar.add("root.raw", AE_IFREG, golden.disk);
    tar.add("vmlinuz", AE_IFREG, golden.kernel);
    SECTION("dot dot") {
      tar.add("../escaped", AE_IFREG, "x");
      word = "leaves the archive";
    }
    SECTION("dot dot inside") {
      tar.add("a/../../escaped", AE_IFREG, "x");
      word = "leaves the archive";
    }
    SECTION("absolute") {
      tar.add("/tmp/escaped", AE_IFREG, "x");
      word = "leaves the archive";
    }
    SECTION("symbolic link") {
      tar.add("link", AE_IFLNK, "/etc/passwd");
      word = "link";
    }
    SECTION("hard link") {
      tar.add_hard_link("link", "/etc/passwd");
      word = "link";
    }
    SECTION("device") {
      tar.add("null", AE_IFCHR, "");
      word = "device";
    }
    SECTION("fifo") {
      tar.add("fifo", AE_IFIFO, "");
      word = "device";
    }
    SECTION("a file twice") {
      tar.add("vmlinuz", AE_IFREG, golden.kernel);
      word = "twice";
    }
    SECTION("files in two folders") {
      tar.add("other/file", AE_IFREG, "x");
      word = "together";
    }
    SECTION("too deep") {
      tar.add("a/b/c", AE_IFREG, "x");
      word = "together";
    }
    SECTION("too many entries") {
      for (int i = 0; i < 1100; ++i) tar.add("f" + std::to_string(i), AE_IFREG, "");
      word = "1024 entries";
    }
    SECTION("much that nobody asked for") {
      tar.add("padding", AE_IFREG, std::string(65 << 20, '\0'));
      word = "does not name";
    }
  }
  check_error(import_files(path, golden.bundle(), golden.target(), {}), Errc::invalid, {word});
  check_not_imported(golden);
  CHECK_FALSE(exists(golden.folder / "escaped"));
  CHECK_FALSE(exists(golden.store() + "/escaped"));
}

TEST_CASE("bundle: damaged archives are refused", "[imaging]") {
  const Golden golden;
  const auto path = golden.folder / "a.tar.zst";
  shell("tar -C " + golden.folder.path() + " --zstd -cf " + path + " golden");
  const auto bytes = read_file(path);
  SECTION("cut off") { write_file(path, bytes.substr(0, bytes.size() / 2)); }
  SECTION("garbage") { write_file(path, random_bytes(100'000, 9)); }
  SECTION("empty") { write_file(path, ""); }
  SECTION("a flipped bit") {
    auto flipped = bytes;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 4);
    write_file(path, flipped);
  }
  const auto imported = import_files(path, golden.bundle(), golden.target(), {});
  REQUIRE_FALSE(imported);
  INFO(imported.error().message());
  CHECK((imported.error().code() == Errc::invalid || imported.error().code() == Errc::not_found));
  check_not_imported(golden);
}

TEST_CASE("bundle: a manifest must be there and small", "[imaging]") {
  const Golden golden;
  check_error(read_manifest(golden.folder / "none"), Errc::not_found, {"none"});
  const auto check_both = [&](Errc code, const std::string& word) {
    check_error(read_manifest(golden.path()), code, {word});
    const auto path = golden.folder / "a.tar.gz";
    shell("tar -C " + golden.folder.path() + " -czf " + path + " golden");
    check_error(read_manifest(path), code, {word});
  };
  SECTION("missing") {
    std::filesystem::remove(golden.path() + "/image.json");
    check_both(Errc::not_found, "image.json");
  }
  SECTION("too large") {
    write_file(golden.path() + "/image.json", std::string((8 << 20) + 1, ' '));
    check_both(Errc::invalid, "larger than 8 MiB");
  }
  SECTION("too large and sparse") {
    std::filesystem::resize_file(golden.path() + "/image.json", std::uint64_t{1} << 40);
    check_error(read_manifest(golden.path()), Errc::invalid, {"larger than 8 MiB"});
  }
}

TEST_CASE("bundle: a full disk is exhausted and a stop interrupts", "[imaging]") {
  const Golden golden;
  SECTION("full") {
    const SmallFilesystem small{golden.folder / "small", 1};
    if (!small.is_mounted()) return;
    check_error(import_files(golden.path(), golden.bundle(), golden.folder / "small/tiny", {}),
                Errc::exhausted, {"No space left"});
    CHECK(std::filesystem::is_empty(golden.folder / "small"));
  }
  SECTION("stop") {
    std::stop_source stop;
    Options options;
    options.stop = stop.get_token();
    options.on_progress = [&](const Progress&) { stop.request_stop(); };
    check_error(import_files(golden.path(), golden.bundle(), golden.target(), options),
                Errc::unavailable, {"interrupted"});
    check_not_imported(golden);
  }
}

TEST_CASE("bundle: verify finds what changed on disk later", "[imaging]") {
  const Golden golden;
  const auto files = golden.bundle().files;
  REQUIRE(verify_files(golden.path(), files, {}));
  SECTION("a byte") {
    auto bytes = golden.kernel;
    bytes[100] = static_cast<char>(bytes[100] + 1);
    write_file(golden.path() + "/vmlinuz", bytes);
    check_error(verify_files(golden.path(), files, {}), Errc::invalid,
                {"vmlinuz", hash_of(golden.kernel), hash_of(bytes)});
  }
  SECTION("a cut") {
    std::filesystem::resize_file(golden.path() + "/root.raw", 1000);
    check_error(verify_files(golden.path(), files, {}), Errc::invalid, {"root.raw", "found 1000"});
  }
  SECTION("a missing file") {
    std::filesystem::remove(golden.path() + "/vmlinuz");
    check_error(verify_files(golden.path(), files, {}), Errc::not_found, {"vmlinuz"});
  }
}

}  // namespace
}  // namespace holdfast::imaging
