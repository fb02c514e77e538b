// SPDX-License-Identifier: Apache-2.0
#include "controller/work_queue.hpp"

#include <array>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "tests/catch.hpp"
#include "tests/controller/manual_time.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

struct Queue {
  ManualTime time{};
  CountingRandom random{};
  WorkQueue queue{time, random};
};

}  // namespace

TEST_CASE("work queue: a key added many times before it is taken is taken once", "[queue]") {
  Queue q;
  q.queue.add("guest/a", Priority::drift);
  q.queue.add("guest/a", Priority::drift);
  CHECK(q.queue.try_take() == "guest/a");
  CHECK(q.queue.try_take() == std::nullopt);
}

TEST_CASE("work queue: a key added while being worked on is taken again afterwards", "[queue]") {
  Queue q;
  q.queue.add("guest/a", Priority::drift);
  REQUIRE(q.queue.try_take() == "guest/a");
  q.queue.add("guest/a", Priority::drift);
  CHECK(q.queue.try_take() == std::nullopt);
  q.queue.done("guest/a");
  CHECK(q.queue.try_take() == "guest/a");
}

TEST_CASE("work queue: the more urgent of two priorities wins and overtakes", "[queue]") {
  Queue q;
  q.queue.add("guest/a", Priority::resync);
  q.queue.add("guest/b", Priority::resync);
  q.queue.add("guest/b", Priority::job);
  q.queue.add("guest/b", Priority::resync);
  CHECK(q.queue.try_take() == "guest/b");
  CHECK(q.queue.try_take() == "guest/a");
  CHECK(q.queue.try_take() == std::nullopt);
}

TEST_CASE("work queue: a delayed key waits for its time and an immediate add overtakes it",
          "[queue]") {
  Queue q;
  q.queue.add_after("guest/a", 10s, Priority::resync);
  q.queue.add_after("guest/b", 10s, Priority::resync);
  CHECK(q.queue.try_take() == std::nullopt);
  CHECK(q.queue.next_due() == Duration{10s});
  q.queue.add("guest/b", Priority::drift);
  CHECK(q.queue.try_take() == "guest/b");
  q.queue.done("guest/b");
  q.time.advance(10s);
  CHECK(q.queue.try_take() == "guest/a");
  CHECK(q.queue.try_take() == std::nullopt);  // b's delay went with its immediate add
}

TEST_CASE("work queue: of two delays the shorter one counts", "[queue]") {
  Queue q;
  q.queue.add_after("guest/a", 60s, Priority::resync);
  q.queue.add_after("guest/a", 5s, Priority::resync);
  q.queue.add_after("guest/a", 30s, Priority::resync);
  q.time.advance(5s);
  CHECK(q.queue.try_take() == "guest/a");
  q.queue.done("guest/a");
  q.time.advance(60s);
  CHECK(q.queue.try_take() == std::nullopt);
}

TEST_CASE("work queue: retries back off per key and start over after success", "[queue]") {
  Queue q;
  std::vector<std::int64_t> seconds;
  for (int i = 0; i < 12; ++i) {
    q.queue.retry("guest/a", Retry::soon);
    const Duration due = *q.queue.next_due();
    seconds.push_back((due.count() + 500) / 1000);
    q.time.advance(due);
    REQUIRE(q.queue.try_take() == "guest/a");
    q.queue.done("guest/a");
  }
  for (std::size_t i = 1; i < 5; ++i) CHECK(seconds[i] > seconds[i - 1]);
  CHECK(seconds.back() >= 240);
  CHECK(seconds.back() <= 360);
  q.queue.forget("guest/a");
  q.queue.retry("guest/a", Retry::soon);
  CHECK(*q.queue.next_due() <= Duration{1200});
}

TEST_CASE("work queue: events do not hurry a key that just failed but jobs do", "[queue]") {
  Queue q;
  q.queue.retry("guest/a", Retry::when_changed);
  CHECK(q.queue.next_due() == std::nullopt);
  q.queue.add("guest/a", Priority::drift);  // its own failing work made a noise
  CHECK(q.queue.try_take() == std::nullopt);
  REQUIRE(q.queue.next_due());
  CHECK(*q.queue.next_due() >= 800ms);
  q.queue.add("guest/a", Priority::job);
  CHECK(q.queue.try_take() == "guest/a");
  q.queue.done("guest/a");

  q.queue.retry("guest/a", Retry::when_changed);
  q.queue.forget_all();  // desired state changed
  q.queue.add("guest/a", Priority::drift);
  CHECK(q.queue.try_take() == "guest/a");
}

TEST_CASE("work queue: an answer that cannot change is not retried", "[queue]") {
  Queue q;
  q.queue.retry("guest/a", Retry::when_changed);
  q.queue.retry("guest/a", Retry::never);
  CHECK(q.queue.next_due() == std::nullopt);
}

TEST_CASE("work queue: no key is ever with two workers and none is lost", "[queue][threads]") {
  SystemClock clock;
  SystemRandom random;
  WorkQueue queue{clock, random};
  std::stop_source stop;
  std::array<std::atomic<int>, 4> inside{};
  std::array<std::atomic<int>, 4> runs{};
  std::atomic<bool> clash{false};
  constexpr int rounds = 20'000;
  std::latch finished{8};
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 8; ++i)
      workers.emplace_back([&] {
        while (auto key = queue.take(stop.get_token())) {
          const auto n = static_cast<std::size_t>((*key)[0] - '0');
          if (inside.at(n).fetch_add(1) != 0) clash = true;
          ++runs.at(n);
          inside.at(n).fetch_sub(1);
          queue.done(*key);
        }
        finished.count_down();
      });
    for (int r = 0; r < rounds; ++r)
      queue.add(std::string(1, static_cast<char>('0' + r % 4)),
                r % 3 == 0 ? Priority::job : Priority::resync);
    while (queue.depth() != 0) std::this_thread::yield();
    stop.request_stop();
    finished.wait();
  }
  CHECK_FALSE(clash);
  for (const auto& n : runs) CHECK(n > 0);
}

TEST_CASE("work queue: a sleeping taker wakes for a delay shorter than the one it sleeps on",
          "[queue][threads]") {
  SystemClock clock;
  SystemRandom random;
  WorkQueue queue{clock, random};
  queue.add_after("late", std::chrono::hours{1}, Priority::resync);
  std::stop_source stop;
  std::optional<std::string> got;
  {
    std::jthread taker{[&] { got = queue.take(stop.get_token()); }};
    queue.add_after("early", Duration{20}, Priority::resync);
  }
  CHECK(got == "early");
}

TEST_CASE("retry policy: every kind of error has an answer", "[queue]") {
  CHECK(retry_for(Errc::conflict) == Retry::soon);
  CHECK(retry_for(Errc::not_found) == Retry::soon);
  CHECK(retry_for(Errc::unavailable) == Retry::patiently);
  CHECK(retry_for(Errc::exhausted) == Retry::patiently);
  CHECK(retry_for(Errc::invalid) == Retry::when_changed);
  CHECK(retry_for(Errc::denied) == Retry::when_changed);
  CHECK(retry_for(Errc::corrupt) == Retry::never);
  CHECK(retry_for(Errc::internal) == Retry::never);
}

TEST_CASE("retry policy: jitter stays within its bounds", "[queue]") {
  for (std::uint64_t random = 0; random < 4'002; ++random) {
    const auto resync = with_jitter(60s, random);
    CHECK(resync >= 54s);
    CHECK(resync <= 66s);
    const auto first = backoff(Retry::soon, 1, random);
    CHECK(first >= 800ms);
    CHECK(first <= 1200ms);
    CHECK(backoff(Retry::patiently, 40, random) <= 360s);
  }
}

}  // namespace holdfast
