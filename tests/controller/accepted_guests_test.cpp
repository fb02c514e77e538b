// SPDX-License-Identifier: Apache-2.0
#include "controller/accepted_guests.hpp"

#include "reconcilers/guest/guest_shape.hpp"
#include "tests/catch.hpp"

namespace holdfast {
namespace {

Guest guest_of(const std::string& name, std::uint32_t cpus) {
  Guest guest;
  guest.name = name;
  guest.spec.cpus = cpus;
  return guest;
}

std::shared_ptr<const Wanted> wanted_of(std::uint64_t generation, std::vector<Guest> guests) {
  auto wanted = std::make_shared<Wanted>();
  wanted->state.generation = generation;
  wanted->state.guests = std::move(guests);
  return wanted;
}

}  // namespace

TEST_CASE("accepted guests: nothing is known before the first, and what is not named is unwanted",
          "[acceptance]") {
  AcceptedGuests accepted;
  CHECK(accepted.find("acme") == nullptr);
  CHECK(accepted.names().empty());
  accepted.replace(wanted_of(3, {guest_of("acme", 2)}));
  CHECK(accepted.names() == std::vector<std::string>{"acme"});
  const auto other = accepted.find("other");
  REQUIRE(other != nullptr);
  CHECK_FALSE(other->is_wanted);
  CHECK(other->generation == 3);
}

TEST_CASE("accepted guests: each has the digest of its own newest form", "[acceptance]") {
  AcceptedGuests accepted;
  for (const std::uint32_t cpus : {2U, 3U}) {
    accepted.replace(wanted_of(cpus, {guest_of("acme", cpus), guest_of("beta", 1)}));
    accepted.hold({"acme"}, "waits");
    for (const char* name : {"acme", "beta"}) {
      const auto found = accepted.find(name);
      REQUIRE(found->guest);
      CHECK(found->spec_digest == applied_digest(*found->guest));
      CHECK(applied_digest(*found) == found->spec_digest);
    }
    CHECK(accepted.find("acme")->spec_digest == applied_digest(guest_of("acme", cpus)));
    CHECK(accepted.find("acme")->held == "waits");
    accepted.hold({}, "");
    CHECK(accepted.find("acme")->held.empty());
  }
}

}  // namespace holdfast
