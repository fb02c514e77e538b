// SPDX-License-Identifier: Apache-2.0
#include "hubclient/file_source.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>

#include "hubclient/directory_watch.hpp"
#include "tests/catch.hpp"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// The machine's time, some seconds ahead: what a test has just written has settled.
struct Later final : Clock {
  Time now() const override { return SystemClock{}.now() + ahead; }
  Duration elapsed() const override { return SystemClock{}.elapsed(); }
  Duration ahead = 10s;
};

std::string guest(const std::string& name, const std::string& memory = "128Mi") {
  return "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: " + name +
         "}\nspec:\n  image: {name: tiny, version: 1.0.0}\n  memory: " + memory +
         "\n  rootDisk: {size: 64Mi}\n";
}

struct Directory {
  std::string pattern = (fs::temp_directory_path() / "holdfast-desired-XXXXXX").string();
  std::string path = mkdtemp(pattern.data());
  Later clock{};
  FileSource source{path, clock};

  ~Directory() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{path + "/" + name} << text;
  }
};

}  // namespace

TEST_CASE("file source: resources from several files are one state and told once", "[source]") {
  Directory d;
  d.write("acme.yaml", guest("acme"));
  d.write("rest.yml", guest("beta") + "---\n" + guest("gamma"));
  d.write("notes.txt", "not a resource");
  d.write(".hidden.yaml", "{");
  const auto fetched = d.source.fetch().value();
  REQUIRE(fetched);
  CHECK(fetched->state.guests.size() == 3);
  CHECK_FALSE(fetched->has_envelope);
  CHECK_FALSE(d.source.fetch().value().has_value());
  d.write("acme.yaml", guest("acme", "256Mi"));
  CHECK(d.source.fetch().value().has_value());
}

TEST_CASE("file source: an empty or missing directory wants nothing gone", "[source][safety]") {
  Directory d;
  const auto empty = d.source.fetch();
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code() == Errc::invalid);
  CHECK(empty.error().message().find("not taken to mean") != std::string::npos);
  fs::remove_all(d.path);
  CHECK(d.source.fetch().error().code() == Errc::unavailable);
}

TEST_CASE("file source: one broken file is an error of the whole that names it",
          "[source][safety]") {
  Directory d;
  d.write("acme.yaml", guest("acme"));
  d.write("beta.yaml", "apiVersion: holdfast/v1\nkind: Guest\nmeta");
  const auto fetched = d.source.fetch();
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().message().find("beta.yaml") != std::string::npos);
}

TEST_CASE("file source: a file written this very moment is left to settle", "[source]") {
  Directory d;
  d.clock.ahead = 0s;
  d.write("acme.yaml", guest("acme"));
  const auto fetched = d.source.fetch();
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code() == Errc::conflict);
  d.clock.ahead = 5s;
  CHECK(d.source.fetch().value().has_value());
}

TEST_CASE("file source: an envelope stands alone", "[source]") {
  Directory d;
  const std::string envelope = "apiVersion: holdfast/v1\nkind: HostDesiredState\nhostId: \"" +
                               std::string(32, 'a') +
                               "\"\ngeneration: 7\nissuedAt: 2026-11-22T19:36:00Z\nresources: []\n";
  d.write("state.yaml", envelope);
  const auto fetched = d.source.fetch().value();
  REQUIRE(fetched);
  CHECK(fetched->has_envelope);
  CHECK(fetched->state.generation == 7);
  d.write("acme.yaml", guest("acme"));
  CHECK(d.source.fetch().error().code() == Errc::invalid);
}

TEST_CASE("file source: the same resource in two files is refused", "[source]") {
  Directory d;
  d.write("a.yaml", guest("acme"));
  d.write("b.yaml", guest("acme"));
  CHECK(d.source.fetch().error().code() == Errc::invalid);
}

TEST_CASE("file source: apply writes a resource where it stands or to a file of its own",
          "[source]") {
  Directory d;
  d.write("mine.yaml", guest("acme"));
  d.write("both.yaml", guest("x") + "---\n" + guest("y"));
  const auto apply = [&](const std::string& text) {
    return d.source.apply(parse_resources(text, "test").value());
  };
  CHECK(apply(guest("acme", "256Mi")).value() == std::vector{d.path + "/mine.yaml"});
  CHECK(apply(guest("beta")).value() == std::vector{d.path + "/guest-beta.yaml"});
  CHECK(apply(guest("x", "256Mi")).error().code() == Errc::conflict);
  const auto fetched = d.source.fetch().value();
  REQUIRE(fetched);
  CHECK(fetched->state.guests.size() == 4);
  CHECK(fetched->state.guests[0].spec.memory == mebibytes(256));
}

TEST_CASE("directory watch: a write and a replaced directory wake the daemon",
          "[source][threads]") {
  Directory d;
  std::atomic<int> calls{0};
  std::latch first{1};
  std::latch second{1};
  const auto wait_for = [](std::latch& latch) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!latch.try_wait() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    return latch.try_wait();
  };
  const DirectoryWatch watch{d.path, [&] {
                               const int n = ++calls;
                               if (n == 1) first.count_down();
                               if (n == 2) second.count_down();
                             }};
  REQUIRE(wait_for(first));  // the watch itself is news once
  d.write("acme.yaml", guest("acme"));
  CHECK(wait_for(second));
}

}  // namespace holdfast
