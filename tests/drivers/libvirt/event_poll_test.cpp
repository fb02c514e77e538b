// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/event_poll.hpp"

#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/catch.hpp"

namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;

struct SocketPair {
  SocketPair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    ours = UniqueFd{fds[0]};
    theirs = UniqueFd{fds[1]};
  }
  UniqueFd ours{};
  UniqueFd theirs{};
};

// What a watch or timer was told, and whether what it owned was released.
struct Told {
  std::vector<int> events{};
  int timers = 0;
  int released = 0;
};
void on_ready(int /*watch*/, int /*fd*/, int events, void* told) {
  static_cast<Told*>(told)->events.push_back(events);
}
void on_due(int /*timer*/, void* told) { ++static_cast<Told*>(told)->timers; }
void on_release(void* told) { ++static_cast<Told*>(told)->released; }

// One turn that does not wait.
void turn(EventPoll& poll) {
  poll.wake();
  poll.run_once();
}

TEST_CASE("event poll: a watch hears what it asks for, and nothing while it asks for nothing",
          "[libvirt]") {
  EventPoll poll;
  SocketPair pair;
  Told told;
  const int watch =
      poll.add_handle(pair.ours.get(), VIR_EVENT_HANDLE_READABLE, on_ready, &told, on_release);
  REQUIRE(watch > 0);
  turn(poll);
  CHECK(told.events.empty());
  REQUIRE(::write(pair.theirs.get(), "x", 1) == 1);
  poll.run_once();
  CHECK(told.events == std::vector<int>{VIR_EVENT_HANDLE_READABLE});
  poll.update_handle(watch, 0);
  turn(poll);
  CHECK(told.events.size() == 1);
  poll.update_handle(watch, VIR_EVENT_HANDLE_WRITABLE);
  poll.run_once();
  CHECK(told.events.back() == VIR_EVENT_HANDLE_WRITABLE);
}

TEST_CASE("event poll: a hang-up is told to who listens, and does not spin who does not",
          "[libvirt]") {
  EventPoll poll;
  SocketPair pair;
  Told told;
  const int watch =
      poll.add_handle(pair.ours.get(), VIR_EVENT_HANDLE_READABLE, on_ready, &told, nullptr);
  poll.update_handle(watch, 0);
  pair.theirs = UniqueFd{};
  const int timer = poll.add_timeout(1, on_due, &told, nullptr);
  for (int i = 0; i < 3; ++i) poll.run_once();  // each waits for the timer
  CHECK(told.timers == 3);
  CHECK(told.events.empty());
  CHECK(poll.remove_timeout(timer) == 0);
  poll.update_handle(watch, VIR_EVENT_HANDLE_READABLE);
  poll.run_once();
  REQUIRE(told.events.size() == 1);
  CHECK((told.events[0] & VIR_EVENT_HANDLE_HANGUP) != 0);
}

TEST_CASE("event poll: what a watch owns is released by the loop, after its removal", "[libvirt]") {
  EventPoll poll;
  SocketPair pair;
  Told told;
  const int watch =
      poll.add_handle(pair.ours.get(), VIR_EVENT_HANDLE_WRITABLE, on_ready, &told, on_release);
  const int timer = poll.add_timeout(0, on_due, &told, on_release);
  CHECK(poll.remove_handle(watch) == 0);
  CHECK(poll.remove_timeout(timer) == 0);
  CHECK(told.released == 0);
  poll.run_once();
  CHECK(told.released == 2);
  CHECK(told.events.empty());
  CHECK(told.timers == 0);
  CHECK(poll.remove_handle(watch) == -1);
  CHECK(poll.remove_timeout(timer) == -1);
  CHECK(poll.add_handle(pair.ours.get(), VIR_EVENT_HANDLE_WRITABLE, on_ready, &told, nullptr) > 0);
}

TEST_CASE("event poll: a timer repeats, is put off and is switched off", "[libvirt]") {
  EventPoll poll;
  Told told;
  const int timer = poll.add_timeout(-1, on_due, &told, nullptr);
  turn(poll);
  CHECK(told.timers == 0);
  poll.update_timeout(timer, 0);
  poll.run_once();
  poll.run_once();
  CHECK(told.timers == 2);
  poll.update_timeout(timer, 3'600'000);
  turn(poll);
  poll.update_timeout(timer, -1);
  turn(poll);
  CHECK(told.timers == 2);
}

TEST_CASE("event poll: what is added while it waits for nothing is heard", "[libvirt]") {
  EventPoll poll;
  SocketPair pair;
  Told told;
  std::thread loop{[&] {
    while (told.timers == 0) poll.run_once();
  }};
  const int watch =
      poll.add_handle(pair.ours.get(), VIR_EVENT_HANDLE_READABLE, on_ready, &told, nullptr);
  const int timer = poll.add_timeout(1, on_due, &told, nullptr);
  loop.join();
  CHECK(told.timers == 1);
  CHECK(poll.remove_handle(watch) == 0);
  CHECK(poll.remove_timeout(timer) == 0);
}

TEST_CASE("event poll: what cannot be polled is no watch", "[libvirt]") {
  EventPoll poll;
  CHECK(poll.add_handle(-1, VIR_EVENT_HANDLE_READABLE, on_ready, nullptr, nullptr) == -1);
}

}  // namespace
}  // namespace holdfast::libvirt
