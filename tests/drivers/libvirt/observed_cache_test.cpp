// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/observed_cache.hpp"

#include <set>

#include "tests/catch.hpp"

namespace holdfast::libvirt {
namespace {

using host::ObservedGuest;
using host::ObservedGuestPtr;
using namespace std::chrono_literals;

Uuid number(std::uint8_t n) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = n;
  return Uuid{bytes};
}

Sighting seen(std::uint8_t n) { return {number(n), "guest", 1, 1}; }

ObservedGuestPtr reading(std::uint8_t n, unsigned cpus = 1) {
  ObservedGuest guest;
  guest.uuid = number(n);
  guest.configured.cpus = cpus;
  return std::make_shared<const ObservedGuest>(guest);
}

ObservedGuestPtr reuse(ObservedCache& cache, const Sighting& sighting, Duration now = 0ms) {
  return cache.reusable({sighting}, now).front();
}

TEST_CASE("observed cache: an unknown guest must be read and then is not read again", "[libvirt]") {
  ObservedCache cache;
  CHECK(reuse(cache, seen(1)) == nullptr);
  const auto kept = cache.keep(seen(1), reading(1), cache.ticket(), 0ms);
  CHECK(reuse(cache, seen(1)) == kept);
}

TEST_CASE("observed cache: a mark or a different sighting calls for a reading", "[libvirt]") {
  ObservedCache cache;
  const auto kept = cache.keep(seen(1), reading(1), cache.ticket(), 0ms);
  SECTION("marked") { cache.mark(number(1)); }
  SECTION("all marked") { cache.mark_all(); }
  SECTION("another state") {
    Sighting other = seen(1);
    other.state = 5;
    CHECK(reuse(cache, other) == nullptr);
    return;
  }
  SECTION("another name") {
    Sighting other = seen(1);
    other.name = "renamed";
    CHECK(reuse(cache, other) == nullptr);
    return;
  }
  CHECK(reuse(cache, seen(1)) == nullptr);
  // An equal reading is the same object.
  CHECK(cache.keep(seen(1), reading(1), cache.ticket(), 0ms) == kept);
  CHECK(reuse(cache, seen(1)) == kept);
  cache.mark(number(1));
  CHECK(cache.keep(seen(1), reading(1, 2), cache.ticket(), 0ms) != kept);
}

TEST_CASE("observed cache: a listing like the one before is handed out whole", "[libvirt]") {
  ObservedCache cache;
  const auto named = [](std::uint8_t n) {
    return Sighting{number(n), "guest-" + std::to_string(n), 1, 1};
  };
  const auto nameless = [&](std::uint8_t n) {
    Sighting sighting = named(n);
    sighting.uuid = Uuid{};
    return sighting;
  };
  const std::uint64_t begun = cache.ticket();
  host::Inventory all;
  for (std::uint8_t n = 1; n <= 2; ++n) {
    all.guests.push_back(cache.keep(named(n), reading(n), begun, 0ms));
  }
  CHECK_FALSE(cache.unchanged({nameless(1), nameless(2)}, 0ms));
  cache.keep_listing({named(1), named(2)}, all, begun);
  const auto same = cache.unchanged({nameless(1), nameless(2)}, 1ms);
  REQUIRE(same);
  CHECK(same->guests == all.guests);

  SECTION("not in another order, and not with one more or less") {
    CHECK_FALSE(cache.unchanged({nameless(2), nameless(1)}, 1ms));
    CHECK_FALSE(cache.unchanged({nameless(1)}, 1ms));
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2), nameless(3)}, 1ms));
  }
  SECTION("not when one is in another state") {
    Sighting other = nameless(2);
    other.state = 5;
    CHECK_FALSE(cache.unchanged({nameless(1), other}, 1ms));
  }
  SECTION("not once any was marked") {
    cache.mark(number(2));
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2)}, 1ms));
  }
  SECTION("not when one was read anew and is different, or is gone") {
    cache.keep(named(2), reading(2, 8), cache.ticket(), 1ms);
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2)}, 1ms));
    cache.keep_listing({named(1), named(2)}, all, cache.ticket());
    cache.forget(number(1));
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2)}, 1ms));
  }
  SECTION("not when one's turn to be read has come") {
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2)}, ObservedCache::reread_within));
  }
  SECTION("not when one of them could not be read") {
    cache.keep_listing({named(1), named(2), named(3)}, all, begun);
    CHECK_FALSE(cache.unchanged({nameless(1), nameless(2), nameless(3)}, 1ms));
  }
}

TEST_CASE("observed cache: a domain that looks as it did is recognised by its name", "[libvirt]") {
  ObservedCache cache;
  const auto recognised = [&](std::string name, int state = 1) {
    std::vector<Sighting> all{{Uuid{}, std::move(name), state, 1}};
    cache.recognise(all);
    return all.front().uuid;
  };
  CHECK(recognised("guest").is_nil());
  cache.keep(seen(1), reading(1), cache.ticket(), 0ms);
  CHECK(recognised("guest") == number(1));
  SECTION("not in another state") { CHECK(recognised("guest", 5).is_nil()); }
  SECTION("not once an event or our own change named it") {
    cache.mark(number(1));
    CHECK(recognised("guest").is_nil());
  }
  SECTION("not when all must be read again") {
    cache.mark_all();
    CHECK(recognised("guest").is_nil());
  }
  SECTION("not under the name it had before") {
    cache.keep({number(1), "renamed", 1, 1}, reading(1), cache.ticket(), 0ms);
    CHECK(recognised("guest").is_nil());
    CHECK(recognised("renamed") == number(1));
  }
  SECTION("as whoever was read last under that name") {
    cache.keep(seen(2), reading(2), cache.ticket(), 0ms);
    CHECK(recognised("guest") == number(2));
  }
  SECTION("not after it went away") {
    cache.forget(number(1));
    CHECK(recognised("guest").is_nil());
  }
}

TEST_CASE("observed cache: a mark set while a guest is read is not lost", "[libvirt]") {
  ObservedCache cache;
  const auto ticket = cache.ticket();
  cache.mark(number(1));
  cache.keep(seen(1), reading(1), ticket, 0ms);
  CHECK(reuse(cache, seen(1)) == nullptr);
}

TEST_CASE("observed cache: a slow old reading does not replace a newer one", "[libvirt]") {
  ObservedCache cache;
  const auto old_ticket = cache.ticket();
  cache.mark(number(1));
  const auto newer = cache.keep(seen(1), reading(1, 2), cache.ticket(), 0ms);
  cache.keep(seen(1), reading(1, 1), old_ticket, 0ms);
  CHECK(reuse(cache, seen(1)) == newer);
}

TEST_CASE("observed cache: all guests are read again within ten minutes, a few at a time",
          "[libvirt]") {
  ObservedCache cache;
  std::vector<Sighting> all;
  for (std::uint8_t n = 0; n < 100; ++n) {
    all.push_back(seen(n));
    cache.keep(seen(n), reading(n), cache.ticket(), 0ms);
  }
  std::set<Uuid> read;
  std::size_t most = 0;
  for (Duration now = 1min; now <= ObservedCache::reread_within + 1min; now += 1min) {
    const auto guests = cache.reusable(all, now);
    std::size_t pass = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (guests[i]) continue;
      ++pass;
      read.insert(all[i].uuid);
      cache.keep(all[i], reading(static_cast<std::uint8_t>(i)), cache.ticket(), now);
    }
    most = std::max(most, pass);
  }
  CHECK(read.size() == all.size());
  CHECK(most <= 30);
}

TEST_CASE("observed cache: what a complete listing lacks is forgotten unless it is newer",
          "[libvirt]") {
  ObservedCache cache;
  cache.keep(seen(1), reading(1), cache.ticket(), 0ms);
  cache.keep(seen(2), reading(2), cache.ticket(), 0ms);
  const auto begun = cache.ticket();
  cache.mark(number(3));  // came up while the listing was made
  cache.keep(seen(3), reading(3), cache.ticket(), 0ms);
  cache.retain({seen(1)}, begun);
  CHECK(cache.last(number(1)) != nullptr);
  CHECK(cache.last(number(2)) == nullptr);
  CHECK(cache.last(number(3)) != nullptr);
}

}  // namespace
}  // namespace holdfast::libvirt
