// SPDX-License-Identifier: Apache-2.0
#include "signing/operators_file.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/signing/forge.hpp"

namespace holdfast::signing {
namespace {

// A folder as /etc/holdfast is, owned by whoever runs the tests.
struct Folder {
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "holdfast-operators-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& text, mode_t mode = 0644) const {
    std::ofstream{file(), std::ios::binary} << text;
    ::chmod(file().c_str(), mode);
  }
  std::string file() const { return (path / "operators").string(); }
  OperatorsFile operators() const { return OperatorsFile{file(), ::geteuid()}; }

  std::filesystem::path path{};
};

const std::string set = forge::Pair{1}.line("anna") + "mallory cert-authority ssh-ed25519 AAAA\n";

}  // namespace

TEST_CASE("operators file: is read with its problems", "[signing]") {
  const Folder folder;
  folder.write(set);
  const auto read = folder.operators().read();
  REQUIRE(read);
  CHECK(read->text == set);
  CHECK(read->digest.starts_with("sha256:"));
  CHECK(read->parsed.keys.signers.size() == 1);
  CHECK(read->parsed.problems.size() == 1);
}

TEST_CASE("operators file: one that others can write is not believed", "[signing]") {
  const Folder folder;
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    folder.write(set, mode);
    const auto read = folder.operators().read();
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::denied);
    CHECK(read.error().message().find("chmod go-w " + folder.file()) != std::string::npos);
  }
  folder.write(set);
  ::chmod(folder.path.c_str(), 0777);
  const auto read = folder.operators().read();
  REQUIRE_FALSE(read);
  CHECK(read.error().message().find(folder.path.string() + " can be written") != std::string::npos);
}

TEST_CASE("operators file: one of another owner is not believed", "[signing]") {
  const Folder folder;
  folder.write(set);
  const auto read = OperatorsFile{folder.file(), ::geteuid() + 1}.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == Errc::denied);
}

TEST_CASE("operators file: a missing one, a folder and a device are errors of their own",
          "[signing]") {
  const Folder folder;
  CHECK(folder.operators().read().error().code() == Errc::not_found);
  std::filesystem::create_directory(folder.file());
  CHECK(folder.operators().read().error().code() == Errc::denied);
  CHECK(OperatorsFile{"/dev/zero"}.read().error().code() == Errc::denied);
}

TEST_CASE("operators file: replaces exactly the one that was meant", "[signing]") {
  const Folder folder;
  const auto file = folder.operators();
  CHECK(file.replace(set, "sha256:of nothing").error().code() == Errc::conflict);
  REQUIRE(file.replace(set, ""));
  const std::string first = file.read()->digest;
  const std::string next = forge::Pair{2}.line("ben");
  CHECK(file.replace(next, "").error().code() == Errc::conflict);
  CHECK(file.read()->text == set);
  std::ofstream{folder.file() + ".new"} << "of an attempt that died";
  REQUIRE(file.replace(next, first));
  CHECK(file.read()->text == next);
  CHECK_FALSE(std::filesystem::exists(folder.file() + ".new"));
  struct stat status {};
  REQUIRE(::stat(folder.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0644);
}

TEST_CASE("operators file: one that others can write is not replaced either", "[signing]") {
  const Folder folder;
  folder.write(set, 0666);
  CHECK(folder.operators().replace(set, "").error().code() == Errc::denied);
}

}  // namespace holdfast::signing
