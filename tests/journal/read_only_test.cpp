// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;
namespace fs = std::filesystem;

namespace {

struct ReadOnly {
  ScratchFolder folder{};
  StoppedClock clock{};
  std::string path = folder.file("journal");

  JournalOptions options() const {
    JournalOptions read_only;
    read_only.path = path;
    read_only.read_only = true;
    return read_only;
  }
  void write_one() { REQUIRE(set_fact(*open_journal(inline_options(path), clock), "a", "x")); }
  void write_and_die() {
    const std::string first = folder.file("first");
    const auto journal = open_journal(inline_options(first), clock);
    REQUIRE(set_fact(*journal, "a", "x"));
    copy_as_killed(first, path);
  }

  // Reads as a user who may read the folder but not write to it.
  bool can_be_read_by_anyone() {
    fs::permissions(folder.path(), fs::perms{0755});
    for (const char* part : {"", "-wal"}) {
      if (fs::exists(path + part)) fs::permissions(path + part, fs::perms{0644});
    }
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
      const auto journal = Journal::open(options(), clock);
      ::_exit(journal && (*journal)->fact("a").value() == "x" ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

}  // namespace

TEST_CASE_METHOD(ReadOnly, "read only: sees what a running daemon commits", "[journal]") {
  JournalOptions threaded = inline_options(path);
  threaded.writer = JournalOptions::Writer::thread;
  const auto daemon = open_journal(threaded, clock);
  REQUIRE(set_fact(*daemon, "a", "x"));
  const auto reader = open_journal(options(), clock);
  CHECK(reader->fact("a").value() == "x");
  REQUIRE(set_fact(*daemon, "a", "y"));
  CHECK(reader->fact("a").value() == "y");
  CHECK(reader->verify());
  CHECK(code_of(set_fact(*reader, "a", "z")) == Errc::denied);
}

TEST_CASE_METHOD(ReadOnly, "read only: reads after a clean end and after a kill", "[journal]") {
  SECTION("clean") { write_one(); }
  SECTION("killed") { write_and_die(); }
  CHECK(open_journal(options(), clock)->fact("a").value() == "x");
  // and the daemon starts as if nobody had looked
  const auto daemon = open_journal(inline_options(path), clock);
  CHECK(daemon->fact("a").value() == "x");
}

TEST_CASE_METHOD(ReadOnly, "read only: needs no right to write", "[journal]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become a user without rights");
    return;
  }
  SECTION("clean") { write_one(); }
  SECTION("killed") { write_and_die(); }
  CHECK(can_be_read_by_anyone());
  CHECK(open_journal(inline_options(path), clock)->fact("a").value() == "x");
}

TEST_CASE_METHOD(ReadOnly, "read only: never creates a journal", "[journal]") {
  CHECK(code_of(Journal::open(options(), clock)) == Errc::not_found);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE_METHOD(ReadOnly, "read only: a name with signs that mean something in a URI",
                 "[journal]") {
  path = folder.file("100% a?b#c");
  write_one();
  if (::geteuid() == 0) {
    CHECK(can_be_read_by_anyone());
  } else {
    CHECK(open_journal(options(), clock)->fact("a").value() == "x");
  }
}

TEST_CASE_METHOD(ReadOnly, "read only: damage is corrupt and a lost wal too", "[journal]") {
  SECTION("garbage") { write_file(path, std::string(5'000, 'g')); }
  SECTION("lost wal") {
    write_and_die();
    fs::remove(path + "-wal");
  }
  CHECK(code_of(Journal::open(options(), clock)) == Errc::corrupt);
}
