// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/unique_fd.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

struct SimulatedCrash {};

struct CountingObserver final : CommitObserver {
  void before_commit() override { ++before; }
  void after_commit() override { ++after; }
  std::atomic<int> before{0};
  std::atomic<int> after{0};
};

struct CrashingObserver final : CommitObserver {
  void before_commit() override {
    if (crash_before) throw SimulatedCrash{};
  }
  void after_commit() override {
    if (crash_after) throw SimulatedCrash{};
  }
  bool crash_before = false;
  bool crash_after = false;
};

JournalOptions threaded(const std::string& path) {
  JournalOptions options;
  options.path = path;
  options.sync = false;
  return options;
}

JournalOptions::Writer any_writer() {
  return GENERATE(JournalOptions::Writer::thread, JournalOptions::Writer::inline_writer);
}

}  // namespace

TEST_CASE("commit: a failing body leaves nothing behind and its caller has the error",
          "[journal][commit]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  JournalOptions options = threaded(folder.file("journal"));
  options.writer = any_writer();
  const auto journal = open_journal(options, clock);
  REQUIRE(set_fact(*journal, "a", "kept"));
  const auto result = journal->commit([](Writes& w) -> Result<void> {
    TRY(w.set_fact("a", "lost"));
    return Error{Errc::denied, "no"};
  });
  CHECK(code_of(result) == Errc::denied);
  CHECK(journal->fact("a").value() == "kept");
}

TEST_CASE("commit: a crash before it leaves nothing and after it everything", "[journal][commit]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  CrashingObserver observer;
  JournalOptions options = threaded(folder.file("journal"));
  options.writer = any_writer();
  options.observer = &observer;
  auto journal = open_journal(options, clock);
  observer.crash_before = true;
  CHECK_THROWS_AS(set_fact(*journal, "before", "x"), SimulatedCrash);
  observer.crash_before = false;
  observer.crash_after = true;
  CHECK_THROWS_AS(set_fact(*journal, "after", "x"), SimulatedCrash);
  observer.crash_after = false;

  const auto check = [](Journal& seen) {
    CHECK_FALSE(seen.fact("before").value());
    CHECK(seen.fact("after").value() == "x");
  };
  check(*journal);
  REQUIRE(set_fact(*journal, "again", "x"));  // it goes on working
  options.path = copy_as_killed(options.path, folder.file("copy"));
  check(*open_journal(options, clock));
}

TEST_CASE("commit: an exception from a body undoes that body alone", "[journal][commit]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  JournalOptions options = threaded(folder.file("journal"));
  options.writer = any_writer();
  const auto journal = open_journal(options, clock);
  const auto crash = [](Writes& w) -> Result<void> {
    TRY(w.set_fact("a", "lost"));
    throw SimulatedCrash{};
  };
  CHECK_THROWS_AS(journal->commit(crash), SimulatedCrash);
  CHECK_FALSE(journal->fact("a").value());
  CHECK(set_fact(*journal, "a", "kept"));
}

TEST_CASE("commit: what is already so is not written", "[journal][commit]") {
  StoppedClock clock;
  CountingObserver observer;
  JournalOptions options = inline_options();
  options.observer = &observer;
  const auto journal = open_journal(options, clock);
  Provenance guest;
  guest.subject = "guest/acme";
  guest.origin = Origin::created;
  TicketRecord ticket;
  ticket.id = "t";
  const ConditionRecord condition{"Ready", ConditionStatus::yes, "Running", "", 1, {}};
  const auto write_all = [&](Writes& w) -> Result<void> {
    TRY(w.put("guest/acme", condition));
    TRY(w.set_fact("mode", "normal"));
    TRY(w.put(ticket));
    return w.put(guest);
  };
  REQUIRE(journal->commit(write_all));
  CHECK(observer.after == 1);
  clock.advance(Duration{1'000});
  REQUIRE(journal->commit(write_all));
  CHECK(observer.before == 1);
  CHECK(observer.after == 1);
  CHECK(journal->since_last_commit() == Duration{1'000});
  REQUIRE(set_fact(*journal, "mode", "observe-only"));
  CHECK(journal->since_last_commit() == Duration{0});
}

TEST_CASE("commit: bodies that wait together share a commit and fail alone",
          "[journal][commit][threads]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  CountingObserver observer;
  JournalOptions options = threaded(folder.file("journal"));
  options.observer = &observer;
  const auto journal = open_journal(options, clock);

  // The first body holds the writer until the others have queued up behind it.
  std::mutex mutex;
  std::condition_variable changed;
  bool is_inside = false;
  int arriving = 0;
  std::thread first{[&] {
    static_cast<void>(journal->commit([&](Writes& w) {
      std::unique_lock lock{mutex};
      is_inside = true;
      changed.notify_all();
      changed.wait(lock, [&] { return arriving == 8; });
      return w.set_fact("first", "x");
    }));
  }};
  {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return is_inside; });
  }
  std::array<Result<void>, 8> results{};
  std::vector<std::thread> others;
  for (std::size_t i = 0; i < results.size(); ++i) {
    others.emplace_back([&, i] {
      {
        const std::scoped_lock lock{mutex};
        ++arriving;
        changed.notify_all();
      }
      results[i] = journal->commit([&](Writes& w) -> Result<void> {
        TRY(w.set_fact("fact " + std::to_string(i), "x"));
        return i % 2 == 0 ? ok() : Result<void>{Error{Errc::denied, "odd"}};
      });
    });
  }
  first.join();
  for (auto& thread : others) thread.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(static_cast<bool>(results[i]) == (i % 2 == 0));
    CHECK(journal->fact("fact " + std::to_string(i)).value().has_value() == (i % 2 == 0));
  }
  CHECK(observer.after <= 9);
}

TEST_CASE("commit: eight writers and readers lose nothing", "[journal][commit][threads]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  const std::string path = folder.file("journal");
  constexpr int writers = 8;
  constexpr int commits = 60;
  std::atomic<int> failures{0};
  {
    const auto journal = open_journal(threaded(path), clock);
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        const std::string name = "writer " + std::to_string(writer);
        for (int i = 1; i <= commits; ++i) {
          const auto written = journal->commit([&](Writes& w) -> Result<void> {
            TRY(w.audit("permit", name, std::to_string(i)));
            return w.set_fact(name, std::to_string(i));
          });
          // What was committed is what the next read sees.
          if (!written || journal->fact(name).value() != std::to_string(i)) ++failures;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
  }
  const auto journal = open_journal(threaded(path), clock);
  CHECK(journal->audit_tail(10'000).value().size() == writers * commits);
  CHECK(journal->verify());
}

TEST_CASE("commit: a second process cannot write to the same journal", "[journal][commit]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  const auto journal = open_journal(threaded(folder.file("journal")), clock);
  CHECK(code_of(Journal::open(threaded(folder.file("journal")), clock)) == Errc::conflict);
  CHECK(set_fact(*journal, "a", "x"));
}

namespace {

struct Ack {
  int writer = 0;
  int number = 0;
};

// Commits from four threads for ever and says so on `pipe`, each time after the fact.
[[noreturn]] void commit_until_killed(const std::string& path, int pipe) {
  const SystemClock clock;
  JournalOptions options;
  options.path = path;
  auto journal = Journal::open(options, clock);
  if (!journal) ::_exit(3);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 4; ++writer) {
    threads.emplace_back([&, writer] {
      for (int number = 1;; ++number) {
        const std::string subject = "guest/" + std::to_string(writer);
        const auto written = (*journal)->commit([&](Writes& w) -> Result<void> {
          const OperationId op = TRY(w.begin("k", subject, std::to_string(number), false));
          TRY(w.begun(op, "one", ""));
          TRY(w.done(op, "one", ""));
          TRY(w.audit("permit", subject, std::to_string(number)));
          return w.close(op, OperationState::succeeded);
        });
        const Ack ack{writer, number};
        if (!written || ::write(pipe, &ack, sizeof ack) != sizeof ack) ::_exit(4);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ::_exit(5);
}

}  // namespace

TEST_CASE("commit: every acknowledged one survives kill -9", "[journal][commit][crash]") {
  const ScratchFolder folder;
  for (int round = 0; round < 6; ++round) {
    const std::string path = folder.file("journal-" + std::to_string(round));
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const UniqueFd reading{ends[0]};
    UniqueFd writing{ends[1]};
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) commit_until_killed(path, writing.get());
    writing = UniqueFd{};

    std::map<int, int> acknowledged;
    Ack ack;
    int count = 0;
    const auto read_ack = [&] { return ::read(reading.get(), &ack, sizeof ack) == sizeof ack; };
    while (count < 40 + 60 * round && read_ack()) {
      ++count;
      acknowledged[ack.writer] = ack.number;
    }
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (read_ack()) acknowledged[ack.writer] = ack.number;

    const StoppedClock clock;
    const auto journal = open_journal(inline_options(path), clock);
    CHECK(journal->verify());
    REQUIRE(acknowledged.size() == 4);
    for (const auto& [writer, number] : acknowledged) {
      const auto held = journal->recent("guest/" + std::to_string(writer), 100'000).value();
      CHECK(held.size() >= static_cast<std::size_t>(number));
      CHECK(held.size() <= static_cast<std::size_t>(number) + 1);
      CHECK(held.front().input == std::to_string(held.size()));  // no gaps
    }
  }
}
