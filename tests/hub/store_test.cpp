// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hub/sqlite_store.hpp"
#include "tests/hub/hub_fixture.hpp"

namespace holdfast::hub {
namespace {

using namespace std::chrono_literals;

Host host(const std::string& id) { return {id, "site-" + id, "0.2.0", "hash-" + id, Time{1s}}; }

Beat beat(const std::string& id, std::uint64_t sequence) {
  Beat beat{id, Time{Duration{static_cast<std::int64_t>(sequence)}}, {}};
  beat.said.session = "s";
  beat.said.sequence = sequence;
  return beat;
}

void add_host(Store& store, const std::string& id) {
  must(store.commit([&](const Tables& tables) { return tables.hosts.put(host(id)); }));
}

TEST_CASE("hub store: what was committed is there after a restart", "[hub][store]") {
  TestStore world;
  add_host(*world.store, "a");
  must(world.store->commit([](const Tables& tables) -> Result<void> {
    TRY(tables.hosts.put("a", Standing{Liveness::dead, true}));
    TRY(tables.hosts.put("a", HostState{Time{5s}, {7, "sha256:x"}, "{}"}));
    TRY(tables.generations.add("a", {3, "sha256:y", Time{6s}, "alice", "why", "{}"}));
    TRY(tables.jobs.put("a", {.digest = "sha256:j",
                              .envelope = {std::string{"a\0b", 3}, {"one", "two\n"}},
                              .author = "alice",
                              .created = Time{7s}}));
    return tables.facts.set("x", "y");
  }));
  world.reopen();
  must(world.store->read([](const Tables& tables) -> Result<void> {
    const auto hosts = TRY(tables.hosts.all());
    CHECK(hosts.size() == 1);
    CHECK(TRY(tables.hosts.standing("a")) == Standing{Liveness::dead, true});
    const auto state = TRY(tables.hosts.state("a"));
    CHECK(state->held == Held{7, "sha256:x"});
    CHECK(TRY(tables.generations.newest("a"))->author == "alice");
    const auto job = TRY(tables.jobs.find("a", "sha256:j"));
    CHECK(job->envelope.payload == std::string{"a\0b", 3});
    CHECK(job->envelope.signatures == std::vector<std::string>{"one", "two\n"});
    CHECK(TRY(tables.facts.get("x")) == "y");
    return ok();
  }));
}

TEST_CASE("hub store: a body that fails leaves nothing and does not hurt its neighbours",
          "[hub][store]") {
  TestStore world;
  std::atomic<int> failed{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i)
    writers.emplace_back([&, i] {
      for (int k = 0; k < 20; ++k) {
        const std::string id = std::to_string(i) + "-" + std::to_string(k);
        const auto result = world.store->commit([&](const Tables& tables) -> Result<void> {
          TRY(tables.hosts.put(host(id)));
          if (k % 4 == 0) return Error{Errc::conflict, "no"};
          return ok();
        });
        if (!result) ++failed;
      }
    });
  for (auto& writer : writers) writer.join();
  CHECK(failed == 8 * 5);
  const auto all = must(world.store->get([](const Tables& tables) { return tables.hosts.all(); }));
  CHECK(all.size() == 8 * 15);
}

TEST_CASE("hub store: every heartbeat is answered and the newest one counts", "[hub][store]") {
  TestStore world;
  for (const auto* id : {"a", "b"}) add_host(*world.store, id);
  std::atomic<int> stored{0};
  for (std::uint64_t sequence = 1; sequence <= 500; ++sequence)
    for (const auto* id : {"a", "b", "removed"})
      world.store->write(beat(id, sequence), [&](const Result<void>& result) {
        if (result) ++stored;
      });
  must(world.store->commit([](const Tables&) { return ok(); }));  // after all of them
  CHECK(stored == 1500);
  const auto beats =
      must(world.store->get([](const Tables& tables) { return tables.hosts.beats(); }));
  REQUIRE(beats.size() == 2);
  for (const auto& found : beats) CHECK(found.said.sequence == 500);
}

TEST_CASE("hub store: what was acknowledged survives a kill", "[hub][store]") {
  const Folder folder;
  const std::string path = folder.path() + "/hub.db";
  int channel[2];
  REQUIRE(::pipe(channel) == 0);
  const auto child = ::fork();
  if (child == 0) {
    auto store = SqliteStore::open(path, true);
    if (!store) ::_exit(1);
    for (std::int64_t i = 0;; ++i) {
      const auto done = (*store)->commit(
          [i](const Tables& tables) { return tables.facts.set("count", std::to_string(i)); });
      if (!done || ::write(channel[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
  }
  std::int64_t acknowledged = 0;
  while (acknowledged < 50) REQUIRE(::read(channel[0], &acknowledged, sizeof acknowledged) > 0);
  REQUIRE(::kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ::close(channel[1]);
  for (std::int64_t more = 0; ::read(channel[0], &more, sizeof more) > 0;) acknowledged = more;
  ::close(channel[0]);
  const auto store = must(SqliteStore::open(path, false));
  const auto count =
      must(store->get([](const Tables& tables) { return tables.facts.get("count"); }));
  REQUIRE(count);
  CHECK(std::stoll(*count) >= acknowledged);
}

TEST_CASE("hub store: a file that is no hub's is refused", "[hub][store]") {
  const Folder folder;
  const std::string path = folder.path() + "/hub.db";
  CHECK(SqliteStore::open(path, false).error().code() == Errc::not_found);
  std::ofstream{path} << std::string(8192, 'x');
  const auto opened = SqliteStore::open(path, true);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == Errc::corrupt);
}

TEST_CASE("hub store: a host that is removed takes along all that is its own", "[hub][store]") {
  TestStore world;
  for (const auto* id : {"a", "b"}) {
    add_host(*world.store, id);
    must(world.store->commit([&](const Tables& tables) -> Result<void> {
      TRY(tables.hosts.put(id, HostState{}));
      TRY(tables.generations.add(id, {1, "d", Time{}, "", "", "{}"}));
      return tables.jobs.put(id, {.digest = "j", .envelope = {"p", {"s"}}});
    }));
  }
  must(world.store->commit([](const Tables& tables) { return tables.hosts.remove("a"); }));
  must(world.store->read([](const Tables& tables) -> Result<void> {
    CHECK_FALSE(TRY(tables.generations.newest("a")));
    CHECK(TRY(tables.jobs.open("a", 10)).empty());
    CHECK(TRY(tables.generations.newest("b")));
    CHECK(TRY(tables.jobs.open("b", 10)).size() == 1);
    return ok();
  }));
}

}  // namespace
}  // namespace holdfast::hub
