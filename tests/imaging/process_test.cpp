// SPDX-License-Identifier: Apache-2.0
#include "imaging/process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/unique_fd.hpp"
#include "tests/imaging/image_fixture.hpp"

namespace holdfast::imaging {
namespace {

std::string output_of(Process process) {
  std::string text;
  process.on_stdout = [&text](std::string_view piece) { text += piece; };
  const auto end = run(process);
  REQUIRE(end);
  return text;
}

Process command(std::vector<std::string> argv) {
  Process process;
  process.argv = std::move(argv);
  return process;
}

TEST_CASE("process: words reach the program as they are", "[imaging]") {
  CHECK(output_of(command({"printf", "%s|", "a b", "$(id)", "*", ";x"})) == "a b|$(id)|*|;x|");
}

TEST_CASE("process: its exit status and errors come back", "[imaging]") {
  const auto end = run(command({"sh", "-c", "echo out; echo bad >&2; exit 7"}));
  REQUIRE(end);
  CHECK(end->exit_status == 7);
  CHECK(end->errors == "bad");
}

TEST_CASE("process: an idle one gives way, and we do not for it", "[imaging]") {
  auto process = command({"sh", "-c", "nice; ionice"});
  const auto before = output_of(process);
  process.priority = IoPriority::idle;
  CHECK(output_of(process) == "19\nidle\n");
  process.priority = IoPriority::normal;
  CHECK(output_of(process) == before);
}

TEST_CASE("process: endless errors are cut", "[imaging]") {
  const auto end = run(command({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' e >&2"}));
  REQUIRE(end);
  CHECK(end->errors == std::string(4096, 'e'));
}

TEST_CASE("process: it gets the named descriptors and no others", "[imaging]") {
  const ScratchFolder folder;
  write_file(folder / "file", "content");
  const UniqueFd first{::open((folder / "file").c_str(), O_RDONLY)};
  const UniqueFd leaky{::fcntl(first.get(), F_DUPFD, 50)};  // neither has O_CLOEXEC
  REQUIRE(leaky.get() >= 50);
  const UniqueFd passed{::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC)};
  auto listing =
      command({"sh", "-c", "cat <&3; for f in /proc/$$/fd/*; do echo -n \" ${f##*/}\"; done"});
  listing.inherited = {passed.get()};
  const auto text = output_of(listing);
  const auto shell_folder = std::string{" 4"};  // the shell's own, for the listing
  CHECK((text == "content 0 1 2 3" || text == "content 0 1 2 3" + shell_folder));
}

TEST_CASE("process: its environment is ours alone", "[imaging]") {
  REQUIRE(::setenv("HOLDFAST_SECRET", "x", 1) == 0);
  const auto text = output_of(command({"env"}));
  ::unsetenv("HOLDFAST_SECRET");
  CHECK(text == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
}

TEST_CASE("process: a stop kills it soon", "[imaging]") {
  auto fastest = std::chrono::steady_clock::duration::max();
  for (int attempt = 0; attempt < 5; ++attempt) {  // a busy machine may spoil some
    std::stop_source stop;
    auto process = command({"sh", "-c", "echo $$; exec sleep 1000"});
    process.stop = stop.get_token();
    int pid = 0;
    auto stopped = std::chrono::steady_clock::now();
    process.on_stdout = [&](std::string_view text) {
      pid = std::stoi(std::string{text});
      stopped = std::chrono::steady_clock::now();
      stop.request_stop();
    };
    check_error(run(process), Errc::unavailable, {"interrupted"});
    fastest = std::min(fastest, std::chrono::steady_clock::now() - stopped);
    REQUIRE(pid > 0);
    CHECK(::kill(pid, 0) == -1);  // ended and waited for
  }
  CHECK(fastest < std::chrono::milliseconds{100});
}

TEST_CASE("process: what cannot start or is killed says so", "[imaging]") {
  check_error(run(command({"holdfast-no-such-program"})), Errc::unavailable,
              {"holdfast-no-such-program", "installed"});
  check_error(run(command({"sh", "-c", "kill -9 $$"})), Errc::unavailable, {"signal 9"});
}

}  // namespace
}  // namespace holdfast::imaging
