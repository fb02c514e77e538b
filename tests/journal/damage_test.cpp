// SPDX-License-Identifier: Apache-2.0
// Files that are no journal any more, and what becomes of them.
#include <sys/stat.h>

#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;
namespace fs = std::filesystem;

namespace {

// A journal of some hundred pages, closed or as its process died.
struct Damaged {
  ScratchFolder folder{};
  StoppedClock clock{};
  std::string path = folder.file("journal");

  void fill(const std::string& name) {
    const auto journal = open_journal(inline_options(folder.file(name)), clock);
    for (int i = 0; i < 300; ++i) {
      REQUIRE(set_fact(*journal, "fact " + std::to_string(i), std::string(2'000, 'x')));
    }
    if (name != "journal") copy_as_killed(folder.file(name), path);
  }
  void make_closed() { fill("journal"); }
  void make_killed() { fill("first"); }

  Result<std::unique_ptr<Journal>> open() { return Journal::open(inline_options(path), clock); }

  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(at);
    file << bytes;
  }

  // It is refused, moved aside whole, and a fresh one opens in its place.
  void check_set_aside() {
    CHECK(code_of(open()) == Errc::corrupt);
    const bool had_database = fs::exists(path);
    const auto size = had_database && fs::is_regular_file(path) ? fs::file_size(path) : 0;
    const auto aside = set_aside(path, clock.now());
    REQUIRE(aside);
    CHECK(aside->rfind(path + ".unreadable-", 0) == 0);
    CHECK(fs::exists(*aside) == had_database);
    if (size > 0) CHECK(fs::file_size(*aside) == size);
    CHECK_FALSE(fs::exists(path));
    CHECK_FALSE(fs::exists(path + "-wal"));
    CHECK_FALSE(fs::exists(path + "-shm"));
    auto fresh = open();
    REQUIRE(fresh);
    CHECK((*fresh)->recent("", 10).value().empty());
    CHECK(set_fact(**fresh, "mode", "observe-only"));
    CHECK((*fresh)->mode().value() == DaemonMode::observe_only);
  }
};

}  // namespace

TEST_CASE_METHOD(Damaged, "damage: an intact journal opens closed or killed", "[journal][damage]") {
  SECTION("closed") { make_closed(); }
  SECTION("killed") { make_killed(); }
  const auto journal = open();
  REQUIRE(journal);
  CHECK((*journal)->fact("fact 299").value()->size() == 2'000);
  CHECK((*journal)->verify());
}

TEST_CASE_METHOD(Damaged, "damage: garbage is set aside", "[journal][damage]") {
  write_file(path, std::string(9'000, 'g'));
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a short text is set aside", "[journal][damage]") {
  write_file(path, "oops");
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a file of zeros is set aside", "[journal][damage]") {
  make_closed();
  write_file(path, std::string(fs::file_size(path), '\0'));
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a truncated file is set aside", "[journal][damage]") {
  make_closed();
  const auto keep = GENERATE(100, 4'096, 5'000, 200'000);
  fs::resize_file(path, static_cast<std::uintmax_t>(keep));
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: an overwritten page is set aside wherever it is",
                 "[journal][damage]") {
  make_closed();
  const auto pages = static_cast<std::streamoff>(fs::file_size(path) / 4'096);
  const std::streamoff page = GENERATE(1, 2, 3, 5, 20, 60);
  REQUIRE(page < pages);
  overwrite(page * 4'096, std::string(4'096, '\xff'));
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: an empty database beside a full wal is set aside",
                 "[journal][damage]") {
  make_killed();
  REQUIRE(fs::file_size(path + "-wal") > 0);
  fs::resize_file(path, 0);
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a wal without its database is set aside", "[journal][damage]") {
  make_killed();
  fs::remove(path);
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a lost wal is noticed", "[journal][damage]") {
  make_killed();
  fs::remove(path + "-wal");
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a torn end of the wal loses only what was not committed",
                 "[journal][damage]") {
  make_killed();
  const auto size = fs::file_size(path + "-wal");
  std::ofstream{path + "-wal", std::ios::binary | std::ios::app} << std::string(3'000, 't');
  REQUIRE(size > 0);
  const auto journal = open();
  REQUIRE(journal);
  CHECK((*journal)->fact("fact 299").value().has_value());
}

TEST_CASE_METHOD(Damaged, "damage: a directory is set aside", "[journal][damage]") {
  fs::create_directory(path);
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a database of somebody else is set aside", "[journal][damage]") {
  tamper(path, "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)");
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a journal without one of its tables is set aside",
                 "[journal][damage]") {
  make_closed();
  const std::string change =
      GENERATE("DROP TABLE jobs_seen", "ALTER TABLE audit DROP COLUMN detail",
               "DROP INDEX one_unfinished_operation_per_subject", "PRAGMA user_version = 0",
               "CREATE TRIGGER forget AFTER INSERT ON jobs_seen BEGIN DELETE FROM jobs_seen; END");
  tamper(path, change);
  check_set_aside();
}

TEST_CASE_METHOD(Damaged, "damage: a journal of a newer version is refused and left alone",
                 "[journal][damage]") {
  make_closed();
  tamper(path, "PRAGMA user_version = 1000");
  const auto result = open();
  CHECK(code_of(result) == Errc::denied);
  CHECK(result.error().message().find("written by a newer Holdfast") != std::string::npos);
}

TEST_CASE_METHOD(Damaged, "damage: an empty file is a new journal", "[journal][damage]") {
  write_file(path, "");
  SECTION("alone") {}
  SECTION("with an empty wal") { write_file(path + "-wal", ""); }
  const auto journal = open();
  REQUIRE(journal);
  CHECK(set_fact(**journal, "a", "x"));
}

TEST_CASE_METHOD(Damaged, "damage: a creation cut short is begun again", "[journal][damage]") {
  // The first page is on disk and the hot rollback journal says that it should be nothing.
  make_closed();
  fs::resize_file(path, 4'096);
  std::string header{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8};
  header += std::string{"\0\0\0\0", 4};    // no pages to restore
  header += std::string{"\0\0\0\1", 4};    // nonce
  header += std::string{"\0\0\0\0", 4};    // the database was empty
  header += std::string{"\0\0\2\0", 4};    // sector size
  header += std::string{"\0\0\x10\0", 4};  // page size
  write_file(path + "-journal", header + std::string(512 - header.size(), '\0'));
  const auto journal = open();
  REQUIRE(journal);
  CHECK((*journal)->fact("fact 1").value() == std::nullopt);
}

TEST_CASE_METHOD(Damaged, "damage: a missing folder is not corrupt", "[journal][damage]") {
  path = folder.file("none/journal");
  CHECK(code_of(open()) == Errc::unavailable);
}

TEST_CASE_METHOD(Damaged, "damage: setting aside twice at one time keeps both",
                 "[journal][damage]") {
  write_file(path, "one");
  write_file(path + "-wal", "its wal");
  const auto first = set_aside(path, clock.now());
  write_file(path, "two");
  const auto second = set_aside(path, clock.now());
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first != *second);
  CHECK(fs::file_size(*first + "-wal") == 7);
  CHECK(code_of(set_aside(path, clock.now())) == Errc::not_found);
}

TEST_CASE_METHOD(Damaged, "damage: only its owner can read a new journal", "[journal][damage]") {
  const auto journal = open();
  REQUIRE(journal);
  for (const char* part : {"", "-wal", "-lock"}) {
    struct stat file {};
    REQUIRE(::stat((path + part).c_str(), &file) == 0);
    CHECK((file.st_mode & 0777U) == 0600U);
  }
}
