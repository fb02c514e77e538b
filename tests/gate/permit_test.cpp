// SPDX-License-Identifier: Apache-2.0
#include <type_traits>
#include <utility>

#include "gate/gate.hpp"
#include "tests/catch.hpp"
#include "tests/gate/gated_journal.hpp"

using namespace holdfast;
using namespace holdfast::gate;

// What must not compile, said so that the compiler checks it.
static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit>);
static_assert(!std::is_copy_assignable_v<Permit>);
static_assert(std::is_nothrow_move_constructible_v<Permit>);
static_assert(!std::is_constructible_v<Permit, Verb, Uuid, Incarnation, OperationId>);
static_assert(!std::is_aggregate_v<Permit>);
static_assert(!std::is_default_constructible_v<Authority>);
static_assert(!std::is_aggregate_v<Authority>);
static_assert(!std::is_copy_constructible_v<Gate>);
static_assert(!std::is_polymorphic_v<Gate>, "nothing can be put in the gate's place");

namespace {

// As a port's destructive method does: takes the permit, checks it, and lets it end.
Result<void> destroy(Permit permit, const Uuid& uuid, Incarnation incarnation) {
  return permit.covers(uuid, incarnation);
}
static_assert(!std::is_invocable_v<decltype(destroy)&, Permit&, Uuid, Incarnation>,
              "a permit that is kept cannot be used");

Permit permit_to_destroy(GatedJournal& host) {
  const Facts facts = live_guest(Verb::destroy_guest);
  return take_permit(host.gate.ask(signed_by(facts, order_for(facts)), acme_detail()));
}

}  // namespace

TEST_CASE("permit: it names what was asked for and covers that guest alone", "[gate][permit]") {
  GatedJournal host;
  const Permit permit = permit_to_destroy(host);
  CHECK(permit.verb() == Verb::destroy_guest);
  CHECK(permit.uuid() == uuid_number(1));
  CHECK(permit.incarnation() == Incarnation{3});
  CHECK(permit.operation() == OperationId{42});
  CHECK(permit.covers(uuid_number(1)));
  CHECK(permit.covers(uuid_number(1), {3}));
  CHECK(permit.covers(uuid_number(2)).error().code() == Errc::denied);
  CHECK(permit.covers(uuid_number(1), {4}).error().code() == Errc::denied);
}

TEST_CASE("permit: it covers only methods that carry out its verb", "[gate][permit]") {
  GatedJournal host;
  const Permit permit = permit_to_destroy(host);
  CHECK(permit.covers({Verb::remove_unfinished, Verb::destroy_guest}, uuid_number(1)));
  CHECK(permit.covers({Verb::remove_unfinished}, uuid_number(1)).error().code() == Errc::denied);
  CHECK(permit.covers({Verb::destroy_guest}, uuid_number(2)).error().code() == Errc::denied);
}

TEST_CASE("permit: once handed over it covers nothing where it was", "[gate][permit]") {
  GatedJournal host;
  Permit permit = permit_to_destroy(host);
  const Result<void> once = destroy(std::move(permit), uuid_number(1), {3});
  CHECK(once);
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
  const Result<void> again = destroy(std::move(permit), uuid_number(1), {3});
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::denied);
  CHECK(again.error().message().find("used once") != std::string::npos);
}

TEST_CASE("permit: a spent one covers not even the nil guest", "[gate][permit]") {
  GatedJournal host;
  Permit permit = permit_to_destroy(host);
  const Permit taken{std::move(permit)};
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
  CHECK_FALSE(permit.covers(Uuid{}));
  CHECK_FALSE(permit.covers(Uuid{}, Incarnation{}));
  CHECK(taken.covers(uuid_number(1), {3}));
}

TEST_CASE("permit: assigning over one spends the one it replaces", "[gate][permit]") {
  GatedJournal host;
  Permit first = permit_to_destroy(host);
  Facts other = live_guest(Verb::destroy_guest);
  other.uuid = uuid_number(2);
  other.provenance->uuid = uuid_number(2);
  Permit second = take_permit(host.gate.ask(signed_by(other, order_for(other)), acme_detail()));
  first = std::move(second);
  CHECK(first.covers(uuid_number(2), {3}));
  CHECK_FALSE(first.covers(uuid_number(1)));
  // NOLINTNEXTLINE(bugprone-use-after-move): that is what is tested
  CHECK_FALSE(second.covers(uuid_number(1)));
  CHECK_FALSE(second.covers(uuid_number(2)));
}
