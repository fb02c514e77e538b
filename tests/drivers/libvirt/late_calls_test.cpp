// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/late_calls.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "drivers/libvirt/bounded_calls.hpp"
#include "drivers/libvirt/silent_guests.hpp"
#include "tests/catch.hpp"

namespace holdfast::libvirt {
namespace {

using namespace std::chrono_literals;

class Line {
 public:
  Line() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
    ours_ = UniqueFd{fds[0]};
    theirs_ = UniqueFd{fds[1]};
    // A line that should have been cut fails its test, and does not hang it.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    REQUIRE(::setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  }
  int socket() const { return ours_.get(); }
  // Waits for the daemon's word; false: the line was cut.
  bool receive() const {
    char byte = 0;
    return ::recv(ours_.get(), &byte, 1, 0) == 1;
  }
  void answer() const { REQUIRE(::send(theirs_.get(), "x", 1, 0) == 1); }

 private:
  UniqueFd ours_{};
  UniqueFd theirs_{};
};

TEST_CASE("late calls: a call that waits for too long comes back with its line cut", "[libvirt]") {
  LateCalls late;
  const Line line;
  auto watch = late.watch(line.socket(), 20ms);
  CHECK_FALSE(line.receive());
  CHECK(watch.end());
  CHECK_FALSE(watch.end());
}

TEST_CASE("late calls: a call that ends in time leaves its line alone", "[libvirt]") {
  LateCalls late;
  const Line line;
  {
    auto watch = late.watch(line.socket(), 30ms);
    line.answer();
    CHECK(line.receive());
    CHECK_FALSE(watch.end());
  }
  { const auto forgotten = late.watch(line.socket(), 30ms); }
  const Line other;  // is cut after both would have been
  auto watch = late.watch(other.socket(), 60ms);
  CHECK_FALSE(other.receive());
  line.answer();
  CHECK(line.receive());
}

TEST_CASE("late calls: the least patient call is cut first, whenever it began", "[libvirt]") {
  LateCalls late;
  const Line patient;
  const Line hasty;
  auto longer = late.watch(patient.socket(), 1h);
  auto shorter = late.watch(hasty.socket(), 10ms);
  CHECK_FALSE(hasty.receive());
  CHECK(shorter.end());
  CHECK_FALSE(longer.end());
}

TEST_CASE("late calls: a driver in this process has no line", "[libvirt]") {
  LateCalls late;
  CHECK_FALSE(late.watch(-1, 0ms).end());
}

// What the callbacks of a bounded call said, in order.
class Spoken {
 public:
  BoundedCalls::Late late() {
    return {.gave_up = [this] { said_.lock()->push_back("gave up"); },
            .came_back =
                [this] {
                  said_.lock()->push_back("came back");
                  said_.notify_all();
                }};
  }
  std::vector<std::string> after(std::size_t words) {
    auto said = said_.lock();
    said.wait(std::stop_token{}, [&] { return said->size() >= words; });
    return *said;
  }

 private:
  Guarded<std::vector<std::string>> said_{};
};

TEST_CASE("bounded calls: one that hangs is given up and does not hold up the others",
          "[libvirt]") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  Spoken spoken;
  BoundedCalls calls;
  const auto hung = calls.run(
      20ms,
      [released]() -> Result<int> {
        released.wait();
        return 1;
      },
      spoken.late());
  REQUIRE_FALSE(hung);
  CHECK(hung.error().code() == Errc::unavailable);
  CHECK(calls
            .run(
                10s, []() -> Result<int> { return 2; }, spoken.late())
            .value() == 2);
  CHECK(spoken.after(1) == std::vector<std::string>{"gave up"});
  release.set_value();
  CHECK(spoken.after(2) == std::vector<std::string>{"gave up", "came back"});
}

TEST_CASE("bounded calls: what a call throws is thrown to its caller", "[libvirt]") {
  Spoken spoken;
  BoundedCalls calls;
  const auto call = []() -> Result<void> { throw std::runtime_error{"simulated"}; };
  CHECK_THROWS_AS(static_cast<void>(calls.run(10s, call, spoken.late())), std::runtime_error);
  CHECK(calls.run(
      10s, []() -> Result<void> { return ok(); }, spoken.late()));
  CHECK(spoken.after(0).empty());
}

TEST_CASE("silent guests: one is silent until its last call came back", "[libvirt]") {
  const Uuid guest{{1}};
  const Uuid other{{2}};
  SilentGuests silent;
  CHECK_FALSE(silent.contains(guest));
  CHECK_FALSE(silent.came_back(guest));
  silent.gave_up(guest);
  silent.gave_up(guest);
  CHECK(silent.contains(guest));
  CHECK_FALSE(silent.contains(other));
  CHECK_FALSE(silent.came_back(guest));
  CHECK(silent.contains(guest));
  CHECK(silent.came_back(guest));
  CHECK_FALSE(silent.contains(guest));
}

}  // namespace
}  // namespace holdfast::libvirt
